//! Rivals that choose a node by themselves, without kube-scheduler, as placements of the simulator.
//!
//! Each looks at every node with room, but for the two that find theirs without looking: chance and the ring.

use crate::model::unit::Nanos;
use crate::sim::placement::{Asked, Change, Placement};
use crate::sim::random::Random;
use crate::sim::resource::Resources;
use crate::sim::rival::bounded::Ring;
use crate::sim::rival::foresight::Foresight;
use crate::sim::rival::seen::Seen;
use crate::sim::rival::sight::{Sight, cargo_hash};
use crate::sim::rival::{concourse, hindsight, pack, random, spread};
use crate::sim::setup::{NodeNumber, Setup};

/// Who chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// [`random`].
    Random,
    /// [`spread`].
    Spread,
    /// [`pack`].
    Pack,
    /// [`concourse`].
    Concourse,
    /// [`crate::sim::rival::bounded`].
    Bounded,
    /// [`hindsight`].
    Hindsight,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Random, Self::Spread, Self::Pack, Self::Concourse, Self::Bounded, Self::Hindsight];

    /// As on the command line and in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Spread => "spread",
            Self::Pack => "pack",
            Self::Concourse => "concourse",
            Self::Bounded => "bounded-hash",
            Self::Hindsight => "hindsight",
        }
    }
}

/// Chance of rivals, told from that of workloads with the same seed.
const PURPOSE: u64 = 0x0072_6976_616c;

/// A rival that chooses by a rule.
#[derive(Clone, Debug)]
pub struct Chooser<'a> {
    rule: Rule,
    seen: Seen<'a>,
    random: Random,
    /// Empty but for [`Rule::Bounded`].
    ring: Ring,
    /// Only for [`Rule::Hindsight`].
    foresight: Option<Foresight>,
    candidates: Vec<NodeNumber>,
}

impl<'a> Chooser<'a> {
    /// One that has seen nothing yet. Chance comes from the setup's seed.
    #[must_use]
    pub fn new(rule: Rule, setup: &'a Setup) -> Self {
        Self {
            rule,
            seen: Seen::new(setup),
            random: Random::new(setup.seed, PURPOSE),
            ring: Ring::default(),
            foresight: (rule == Rule::Hindsight).then(|| Foresight::new(setup)),
            candidates: Vec::new(),
        }
    }

    /// Whether a node has room, by what it has seen.
    pub(super) fn has_room(&self, node: NodeNumber, requests: Resources) -> bool {
        self.seen.has_room(node, requests)
    }

    fn by_chance(&mut self, requests: Resources) -> Option<NodeNumber> {
        let Self { seen, random, .. } = self;
        let nodes = seen.present();
        let has_room = |node: usize| seen.has_room(nodes[node], requests);
        Some(nodes[random::choose(nodes.len(), random, has_room)?])
    }

    fn by_hash(&mut self, asked: Asked<'_>) -> Option<NodeNumber> {
        let Self { seen, ring, .. } = self;
        let has_room = |node| seen.has_room(node, asked.job.requests);
        ring.choose(cargo_hash(asked.job), seen.pods(), has_room, |node| seen.pods_on(node))
    }

    fn by_hindsight(&mut self, at: Nanos, asked: Asked<'_>) -> Option<NodeNumber> {
        self.find_candidates(asked.job.requests);
        let Self { seen, foresight, candidates, .. } = self;
        let costs = foresight.as_ref()?.costs(seen, at, asked.job, candidates);
        let node = hindsight::choose(&costs, |node| seen.pods_on(candidates[node]));
        Some(candidates[node?])
    }

    fn by_rank(
        &mut self,
        at: Nanos,
        asked: Asked<'_>,
        choose: impl Fn(&Sight<'_>, &mut Random) -> Option<usize>,
    ) -> Option<NodeNumber> {
        self.find_candidates(asked.job.requests);
        let sight = Sight::new(&self.seen, at, asked.job, &self.candidates);
        Some(self.candidates[choose(&sight, &mut self.random)?])
    }

    fn find_candidates(&mut self, requests: Resources) {
        let Self { seen, candidates, .. } = self;
        candidates.clear();
        let with_room = seen.present().iter().filter(|node| seen.has_room(**node, requests));
        candidates.extend(with_room);
    }
}

impl Placement for Chooser<'_> {
    fn observe(&mut self, at: Nanos, change: &Change) {
        match (self.rule, change) {
            (Rule::Bounded, Change::NodeJoined { node, .. }) => self.ring.add(*node),
            (Rule::Bounded, Change::NodeLeft { node }) => self.ring.remove(*node),
            _ => {}
        }
        if let Some(foresight) = &mut self.foresight {
            foresight.observe(&self.seen, at, change);
        }
        self.seen.observe(change);
    }

    fn place(&mut self, at: Nanos, asked: Asked<'_>) -> Option<NodeNumber> {
        match self.rule {
            Rule::Random => self.by_chance(asked.job.requests),
            Rule::Bounded => self.by_hash(asked),
            Rule::Spread => self.by_rank(at, asked, |sight, random| spread::choose(sight, random)),
            Rule::Pack => self.by_rank(at, asked, |sight, random| pack::choose(sight, random)),
            Rule::Concourse => {
                self.by_rank(at, asked, |sight, random| concourse::choose(sight, random))
            }
            Rule::Hindsight => self.by_hindsight(at, asked),
        }
    }
}
