//! dunnage itself as an extender: the tracker and the decisions of the server, on the events of the world.

use crate::model::cluster::NodeId;
use crate::model::expected::NODES_MAX;
use crate::model::pod::PodPhase;
use crate::model::unit::{NANOS_PER_SECOND, Nanos};
use crate::policy::Policy;
use crate::score::decision::Decision;
use crate::score::scratch::Scratch;
use crate::score::{Candidates, Question, decide_into};
use crate::sim::observe::Observer;
use crate::sim::placement::{Asked, Change, Extender};
use crate::sim::setup::{NodeNumber, Setup};
use crate::state::Tracker;
use crate::state::event::Event;

/// The server without its ports.
#[derive(Debug)]
pub struct Dunnage<'a> {
    setup: &'a Setup,
    policy: Policy,
    observer: Observer<'a>,
    tracker: Tracker,
    /// By number of the node: what the tracker calls it, while it knows it.
    ids: Vec<Option<NodeId>>,
    /// When the tracker is next told that time passes: the server does it every second.
    ticks_at: Nanos,
    candidates: Candidates,
    decision: Decision,
    scratch: Scratch,
}

/// Between two of those.
const TICK: u64 = NANOS_PER_SECOND;

impl<'a> Dunnage<'a> {
    /// The server at the start of a setup.
    #[must_use]
    pub fn new(setup: &'a Setup, policy: Policy) -> Self {
        let observer = Observer::new(setup);
        let mut tracker = Tracker::default();
        for event in observer.first_list() {
            tracker.apply(event, setup.epoch);
        }
        Self {
            setup,
            policy,
            observer,
            tracker,
            ids: Vec::new(),
            ticks_at: Nanos(TICK),
            candidates: Candidates::default(),
            decision: Decision::default(),
            scratch: Scratch::default(),
        }
    }

    /// Lets the tracker's time pass up to now: at whole seconds, as the server does.
    fn tick(&mut self, now: Nanos) {
        while let Some(event) = self.observer.moved(now) {
            self.tracker.apply(event, self.setup.epoch.after(now));
        }
        if now >= self.ticks_at {
            let second = Nanos(now.0 - now.0 % TICK);
            self.tracker.apply(Event::TimePassed, self.setup.epoch.after(second));
            self.ticks_at = second + Nanos(TICK);
        }
    }

    fn decide(&mut self, at: Nanos, asked: Asked<'_>, candidates: &[NodeNumber]) {
        let pod = self.observer.pod(asked.pod, None, PodPhase::Waiting, &None);
        self.candidates.nodes.clear();
        let known = candidates.iter().filter_map(|node| *self.ids.get(node.0 as usize)?);
        self.candidates.nodes.extend(known);
        self.candidates.unknown_count = candidates.len() - self.candidates.nodes.len();
        let now = self.setup.epoch.after(at);
        let question = Question {
            pod: &pod,
            candidates: &self.candidates,
            cluster: self.tracker.cluster(),
            policy: &self.policy,
            now,
        };
        decide_into(&mut self.decision, &mut self.scratch, &question);
        if self.decision.unknown_points > 0 || self.decision.most_points() > 0 {
            // One more than is expected at most, so that too many are seen to be too many.
            let nodes = self.decision.best().take(NODES_MAX + 1).collect();
            self.tracker.apply(Event::PodExpected { uid: pod.uid, nodes }, now);
        }
    }
}

impl Extender for Dunnage<'_> {
    fn observe(&mut self, at: Nanos, change: &Change) {
        self.tick(at);
        let event = self.observer.event(at, change);
        self.tracker.apply(event, self.setup.epoch.after(at));
        if let Change::NodeJoined { node, .. } | Change::NodeLeft { node } = change {
            let index = node.0 as usize;
            if self.ids.len() <= index {
                self.ids.resize(index + 1, None);
            }
            self.ids[index] = match change {
                Change::NodeJoined { .. } => {
                    self.tracker.cluster().node_id(&self.setup.node_name(*node))
                }
                _ => None,
            };
        }
    }

    fn points(
        &mut self,
        at: Nanos,
        asked: Asked<'_>,
        candidates: &[NodeNumber],
        points: &mut Vec<Option<u64>>,
    ) {
        self.tick(at);
        self.decide(at, asked, candidates);
        let given = |points: u8| (points > 0).then_some(u64::from(points));
        // Rows are in the order asked, and no candidate comes twice.
        let mut rows = self.decision.rows.iter();
        if rows.len() == candidates.len() {
            // All are known, as nearly always: nothing is to be looked up for each.
            points.extend(rows.map(|row| given(row.points)));
            return;
        }
        points.extend(candidates.iter().map(|node| {
            match self.ids.get(node.0 as usize).copied().flatten() {
                Some(_) => rows.next().and_then(|row| given(row.points)),
                None => given(self.decision.unknown_points),
            }
        }));
    }
}
