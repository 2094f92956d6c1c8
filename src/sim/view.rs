//! How late a policy hears of what the scheduler knows already: another replica, a slow watch. Only that a
//! node has joined is heard of at once, as who is asked about it has heard of it.
//!
//! What nodes tell late by themselves is not added here: that is in the times at which they tell it
//! ([`crate::sim::world`]).

use std::collections::VecDeque;

use crate::model::unit::Nanos;
use crate::sim::placement::{Asked, Change, Extender};
use crate::sim::setup::{NodeNumber, ViewSetup};

/// An extender that hears of everything later.
#[derive(Debug)]
pub struct Delayed<E> {
    extender: E,
    pod_delay: Nanos,
    node_delay: Nanos,
    /// What happened to pods, with when it is heard of.
    pods: VecDeque<(Nanos, u64, Change)>,
    /// What nodes told, the same.
    nodes: VecDeque<(Nanos, u64, Change)>,
    /// Counts changes: those that are heard of at one time come in the order in which they happened.
    count: u64,
}

impl<E: Extender> Delayed<E> {
    /// An extender with the delays of a setup.
    pub fn new(extender: E, view: &ViewSetup) -> Self {
        Self {
            extender,
            pod_delay: view.pod_delay,
            node_delay: view.node_delay,
            pods: VecDeque::new(),
            nodes: VecDeque::new(),
            count: 0,
        }
    }

    /// Passes on what is heard of by `now`.
    fn hear(&mut self, now: Nanos) {
        loop {
            let head = |queue: &VecDeque<(Nanos, u64, Change)>| {
                queue.front().map(|&(at, number, _)| (at, number)).filter(|(at, _)| *at <= now)
            };
            let next = match (head(&self.pods), head(&self.nodes)) {
                (Some(pod), Some(node)) if node < pod => self.nodes.pop_front(),
                (None, Some(_)) => self.nodes.pop_front(),
                (Some(_), _) => self.pods.pop_front(),
                (None, None) => return,
            };
            if let Some((at, _, change)) = next {
                self.extender.observe(at, &change);
            }
        }
    }
}

impl<E: Extender> Extender for Delayed<E> {
    fn observe(&mut self, at: Nanos, change: &Change) {
        let is_of_node = is_of_node(change);
        let delay = if is_of_node { self.node_delay } else { self.pod_delay };
        let joined = matches!(change, Change::NodeJoined { .. });
        if joined || delay.0 == 0 && self.pods.is_empty() && self.nodes.is_empty() {
            return self.extender.observe(at, change);
        }
        let queue = if is_of_node { &mut self.nodes } else { &mut self.pods };
        queue.push_back((at + delay, self.count, change.clone()));
        self.count += 1;
        self.hear(at);
    }

    fn units_per_point(&self) -> u64 {
        self.extender.units_per_point()
    }

    fn points(
        &mut self,
        at: Nanos,
        asked: Asked<'_>,
        candidates: &[NodeNumber],
        points: &mut Vec<Option<u64>>,
    ) {
        self.hear(at);
        self.extender.points(at, asked, candidates, points);
    }
}

fn is_of_node(change: &Change) -> bool {
    match change {
        Change::NodeJoined { .. }
        | Change::NodeLeft { .. }
        | Change::Listed { .. }
        | Change::Reported { .. } => true,
        Change::Bound { .. }
        | Change::Pulled { .. }
        | Change::Started { .. }
        | Change::Ended { .. }
        | Change::Removed { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::Delayed;
    use crate::model::unit::Nanos;
    use crate::sim::job::{Job, JobNumber};
    use crate::sim::placement::{Asked, Change, Extender, PodNumber};
    use crate::sim::setup::{NodeNumber, ViewSetup};

    #[derive(Default)]
    struct Notes(Vec<(u64, &'static str)>);

    impl Extender for Notes {
        fn observe(&mut self, at: Nanos, change: &Change) {
            self.0.push((at.0, if super::is_of_node(change) { "node" } else { "pod" }));
        }

        fn points(&mut self, _: Nanos, _: Asked<'_>, _: &[NodeNumber], _: &mut Vec<Option<u64>>) {}
    }

    #[test]
    fn what_happened_is_heard_of_late_and_in_order() {
        let (pod_delay, node_delay) = (Nanos(10), Nanos(3));
        let view = ViewSetup { pod_delay, node_delay, ..ViewSetup::default() };
        let mut delayed = Delayed::new(Notes::default(), &view);
        let (job, node) = (JobNumber(0), NodeNumber(0));
        let pod = PodNumber { job, attempt: 0 };
        delayed.observe(Nanos(1), &Change::Bound { pod, node });
        delayed.observe(Nanos(2), &Change::NodeLeft { node });
        delayed.observe(Nanos(8), &Change::NodeLeft { node });
        let asked = Asked { pod, job: &Job::default() };
        let mut heard = |at| {
            delayed.points(Nanos(at), asked, &[], &mut Vec::new());
            delayed.extender.0.len()
        };
        assert_eq!([8, 10, 11].map(&mut heard), [1, 1, 3]);
        assert_eq!(delayed.extender.0, [(5, "node"), (11, "pod"), (11, "node")]);
    }
}
