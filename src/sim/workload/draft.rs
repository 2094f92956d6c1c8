//! Runs before they have a time: the pods of one run, by what each job system means by a run.

use crate::sim::catalogue::ReferenceNumber;
use crate::sim::random::Random;
use crate::sim::resource::Resources;
use crate::sim::setup::VolumeNumber;
use crate::sim::workload::volume::Volumes;

/// A pod of a generator: its place in the list of all of that generator's, in the order drafted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DraftNumber(pub usize);

/// A pod without a time.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// What its name says after that of its run; unique within it.
    pub step: String,
    /// Images in the order of pulling.
    pub images: Vec<ReferenceNumber>,
    /// What it asks for, where the data tells.
    pub requests: Option<Resources>,
    /// Pods drafted before.
    pub after: Vec<DraftNumber>,
    /// Volumes that it reads.
    pub needs: Vec<VolumeNumber>,
    /// Volumes that it leaves.
    pub produces: Vec<VolumeNumber>,
    /// Images of later steps that it names.
    pub next: Vec<ReferenceNumber>,
}

/// All pods of a generator so far, and the tables that they refer to.
#[derive(Debug)]
pub struct Sheet<'a> {
    /// The pods.
    pub pods: Vec<Draft>,
    /// The volumes of the whole setup.
    pub volumes: &'a mut Volumes,
    /// Chance of the runs.
    pub random: Random,
}

impl Sheet<'_> {
    /// Adds a pod.
    pub fn push(&mut self, pod: Draft) -> DraftNumber {
        self.pods.push(pod);
        DraftNumber(self.pods.len() - 1)
    }
}

/// A system whose runs are drafted one after the other.
pub trait Drafter {
    /// Adds the pods of the run of that number.
    fn run(&mut self, number: usize, sheet: &mut Sheet<'_>);
}
