//! Rivals that give points to kube-scheduler, as extenders of the simulator.

use crate::model::unit::Nanos;
use crate::sim::placement::{Asked, Change, Extender};
use crate::sim::rival::seen::Seen;
use crate::sim::rival::sight::Sight;
use crate::sim::rival::{greedy, lrscheduler, skippy, stork};
use crate::sim::setup::{NodeNumber, Setup};

/// Whose points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Formula {
    /// [`greedy`]'s.
    Greedy,
    /// [`stork`]'s.
    Stork,
    /// [`lrscheduler`]'s.
    LayerScheduler,
    /// [`skippy`]'s.
    Skippy,
}

impl Formula {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Greedy, Self::Stork, Self::LayerScheduler, Self::Skippy];

    /// As on the command line and in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Greedy => "greedy",
            Self::Stork => "stork",
            Self::LayerScheduler => "lrscheduler",
            Self::Skippy => "skippy",
        }
    }
}

/// A rival that gives points by a formula.
#[derive(Clone, Debug)]
pub struct Scorer<'a> {
    formula: Formula,
    seen: Seen<'a>,
}

impl<'a> Scorer<'a> {
    /// One that has seen nothing yet.
    #[must_use]
    pub fn new(formula: Formula, setup: &'a Setup) -> Self {
        Self { formula, seen: Seen::new(setup) }
    }
}

impl Extender for Scorer<'_> {
    fn observe(&mut self, _: Nanos, change: &Change) {
        self.seen.observe(change);
    }

    fn units_per_point(&self) -> u64 {
        match self.formula {
            Formula::Greedy => greedy::UNITS_PER_POINT,
            Formula::Stork => stork::UNITS_PER_POINT,
            Formula::LayerScheduler => lrscheduler::UNITS_PER_POINT,
            Formula::Skippy => skippy::UNITS_PER_POINT,
        }
    }

    fn points(
        &mut self,
        at: Nanos,
        asked: Asked<'_>,
        candidates: &[NodeNumber],
        points: &mut Vec<Option<u64>>,
    ) {
        let sight = Sight::new(&self.seen, at, asked.job, candidates);
        let nodes = 0..candidates.len();
        match self.formula {
            Formula::Greedy => points.extend(nodes.map(|node| Some(greedy::points(&sight, node)))),
            Formula::Stork => points.extend(nodes.map(|node| Some(stork::points(&sight, node)))),
            Formula::LayerScheduler => {
                points.extend(nodes.map(|node| Some(lrscheduler::points(&sight, node))));
            }
            Formula::Skippy => points.extend(skippy::points(&sight).into_iter().map(Some)),
        }
    }
}
