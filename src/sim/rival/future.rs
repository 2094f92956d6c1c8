//! When images will be used: the whole workload, read ahead.
//!
//! Uses are told by when jobs may arrive; what comes after others may be used later than that.

use crate::model::unit::Nanos;
use crate::sim::catalogue::ImageNumber;
use crate::sim::setup::Setup;

/// By image: the times of all uses, ascending.
#[derive(Clone, Debug, Default)]
pub struct Future {
    uses: Vec<Vec<Nanos>>,
}

impl Future {
    /// The future of a setup: what each name will mean when its job arrives.
    #[must_use]
    pub fn new(setup: &Setup) -> Self {
        let mut uses = vec![Vec::new(); setup.catalogue.len()];
        for job in &setup.jobs {
            for container in &job.containers {
                let image = setup.catalogue.reference(container.reference).at(job.arrives_at);
                uses[image.0].push(job.arrives_at);
            }
        }
        uses.iter_mut().for_each(|times: &mut Vec<Nanos>| times.sort_unstable());
        Self { uses }
    }

    /// The next use of an image after a time; `None` if there is none.
    #[must_use]
    pub fn next_use(&self, image: ImageNumber, after: Nanos) -> Option<Nanos> {
        let uses = self.uses.get(image.0)?;
        uses.get(uses.partition_point(|at| *at <= after)).copied()
    }
}
