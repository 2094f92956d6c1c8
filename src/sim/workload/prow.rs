//! Prow's periodic jobs at the times of their schedule: one pod a run, with the requests it states.
//!
//! Modelling choices: Prow's own init and sidecar containers are not in the data, and left out; images are
//! joined by how often the schedule starts them ([`crate::sim::workload::join`]); a start of a job that the
//! list of jobs does not have, as of malformed ones, is left out.

use std::collections::BTreeMap;

use crate::model::unit::Nanos;
use crate::sim::data::{ProwJob, ProwStart};
use crate::sim::random::Random;
use crate::sim::workload::draft::{Draft, Drafter, Sheet};
use crate::sim::workload::image::Images;
use crate::sim::workload::join::Join;

/// The drafter of a schedule.
#[derive(Debug)]
pub struct Prow<'a> {
    starts: Vec<(Nanos, &'a ProwJob)>,
    join: Join,
}

impl<'a> Prow<'a> {
    /// The starts from `from` on, for so long, times divided by `factor`.
    pub fn new(
        jobs: &'a [ProwJob],
        starts: &'a [ProwStart],
        (from, span, factor): (Nanos, Nanos, u64),
        images: &mut Images<'_>,
        random: &mut Random,
    ) -> Self {
        let by_name: BTreeMap<_, _> = jobs.iter().map(|job| (&job.name, job)).collect();
        let within = starts.iter().filter(|start| start.at >= from && start.at - from < span);
        let mut starts: Vec<_> = within
            .filter_map(|start| {
                let job = by_name.get(&start.job)?;
                Some((Nanos((start.at - from).0 / factor), *job))
            })
            .collect();
        starts.sort_by_key(|(at, _)| *at);
        let join = Join::new(starts.iter().map(|(_, job)| job.image.as_str()), images, random);
        Self { starts, join }
    }

    /// When each run comes.
    #[must_use]
    pub fn times(&self) -> Vec<Nanos> {
        self.starts.iter().map(|(at, _)| *at).collect()
    }
}

impl Drafter for Prow<'_> {
    fn run(&mut self, number: usize, sheet: &mut Sheet<'_>) {
        let Some((_, job)) = self.starts.get(number) else {
            return;
        };
        sheet.push(Draft {
            step: job.name.1.clone(),
            images: self.join.get(&job.image).into_iter().collect(),
            requests: Some(job.requests),
            ..Draft::default()
        });
    }
}
