//! Which jobs may begin: those that have arrived, and after which all that they come after has ended well.

use crate::model::unit::Nanos;
use crate::sim::job::JobNumber;
use crate::sim::setup::Setup;

/// Jobs by how far they are from being created.
#[derive(Debug)]
pub(super) struct Jobs<'a> {
    setup: &'a Setup,
    /// The first job that has not arrived.
    next: u32,
    /// Jobs that are not over.
    unfinished: usize,
    /// By job: jobs that it comes after and that are not over. Empty if there is no such job at all.
    before: Vec<u32>,
    /// All jobs that come after others, those of one job together.
    after: Vec<JobNumber>,
    /// By job: where those that come after it begin in `after`, and one more.
    starts: Vec<u32>,
    /// How many of those of the job that ends now were released.
    released: u32,
    /// By job: it is over. Empty if no job comes after another.
    is_over: Vec<bool>,
}

impl<'a> Jobs<'a> {
    pub(super) fn new(setup: &'a Setup) -> Self {
        let mut jobs = Self {
            setup,
            next: 0,
            unfinished: setup.jobs.len(),
            before: Vec::new(),
            after: Vec::new(),
            starts: Vec::new(),
            released: 0,
            is_over: Vec::new(),
        };
        if setup.jobs.iter().any(|job| !job.after.is_empty()) {
            jobs.note_order();
        }
        jobs
    }

    /// Turns the lists around: from "comes after" to "comes before".
    fn note_order(&mut self) {
        let jobs = &self.setup.jobs;
        let mut pairs: Vec<(JobNumber, JobNumber)> = Vec::new();
        for (number, job) in (0..).map(JobNumber).zip(jobs) {
            let mut before = job.after.to_vec();
            before.sort_unstable();
            before.dedup();
            self.before.push(u32::try_from(before.len()).unwrap_or(u32::MAX));
            pairs.extend(before.into_iter().map(|before| (before, number)));
        }
        pairs.sort_unstable();
        self.is_over.resize(jobs.len(), false);
        self.starts.resize(jobs.len() + 1, 0);
        for (before, _) in &pairs {
            self.starts[before.0 as usize + 1] += 1;
        }
        for at in 0..jobs.len() {
            self.starts[at + 1] += self.starts[at];
        }
        self.after = pairs.into_iter().map(|(_, after)| after).collect();
    }

    /// Jobs that are not over.
    pub(super) fn unfinished(&self) -> usize {
        self.unfinished
    }

    /// When the next job arrives.
    pub(super) fn next_arrival(&self) -> Option<Nanos> {
        self.setup.jobs.get(self.next as usize).map(|job| job.arrives_at)
    }

    /// The next job that has arrived by now and may begin.
    pub(super) fn arrive(&mut self, now: Nanos) -> Option<JobNumber> {
        while self.next_arrival().is_some_and(|at| at <= now) {
            let job = JobNumber(self.next);
            self.next += 1;
            if self.before.get(job.0 as usize).is_none_or(|before| *before == 0) {
                return Some(job);
            }
        }
        None
    }

    /// The next job that may begin because `ended` has ended well: to be asked until there is none, and
    /// then to be told of the end.
    pub(super) fn release_next(&mut self, ended: JobNumber) -> Option<JobNumber> {
        loop {
            let after = *self.followers(ended).get(self.released as usize)?;
            self.released += 1;
            let before = &mut self.before[after.0 as usize];
            *before -= 1;
            if *before == 0 && after.0 < self.next && !self.is_over[after.0 as usize] {
                return Some(after);
            }
        }
    }

    /// A job is over.
    pub(super) fn end(&mut self, job: JobNumber) {
        self.released = 0;
        self.unfinished -= 1;
        if let Some(is_over) = self.is_over.get_mut(job.0 as usize) {
            *is_over = true;
        }
    }

    /// A job is over and did not end well: so are all that come after it, which are given.
    pub(super) fn block(&mut self, job: JobNumber) -> Vec<JobNumber> {
        self.end(job);
        let mut blocked: Vec<JobNumber> = Vec::new();
        let mut open = vec![job];
        while let Some(job) = open.pop() {
            for after in self.followers(job).to_vec() {
                if !self.is_over[after.0 as usize] {
                    self.end(after);
                    blocked.push(after);
                    open.push(after);
                }
            }
        }
        blocked
    }

    fn followers(&self, job: JobNumber) -> &[JobNumber] {
        let at = job.0 as usize;
        match (self.starts.get(at), self.starts.get(at + 1)) {
            (Some(&start), Some(&end)) => &self.after[start as usize..end as usize],
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Jobs;
    use crate::model::unit::Nanos;
    use crate::sim::job::{Job, JobNumber};
    use crate::sim::setup::Setup;

    fn setup(jobs: &[(u64, &[u32])]) -> Setup {
        let job = |&(arrives_at, after): &(u64, &[u32])| Job {
            arrives_at: Nanos(arrives_at),
            after: after.iter().copied().map(JobNumber).collect(),
            ..Job::default()
        };
        Setup { jobs: jobs.iter().map(job).collect(), ..Setup::default() }
    }

    fn released(jobs: &mut Jobs<'_>, ended: u32) -> Vec<u32> {
        let mut all = Vec::new();
        while let Some(job) = jobs.release_next(JobNumber(ended)) {
            all.push(job.0);
        }
        jobs.end(JobNumber(ended));
        all
    }

    #[test]
    fn a_job_begins_when_it_has_arrived_and_all_before_it_have_ended() {
        let setup = setup(&[(0, &[]), (0, &[]), (5, &[0, 1, 0]), (9, &[0])]);
        let mut jobs = Jobs::new(&setup);
        assert_eq!(jobs.arrive(Nanos(0)), Some(JobNumber(0)));
        assert_eq!(jobs.arrive(Nanos(0)), Some(JobNumber(1)));
        assert_eq!((jobs.arrive(Nanos(5)), jobs.next_arrival()), (None, Some(Nanos(9))));
        assert_eq!(released(&mut jobs, 0), [0; 0]);
        assert_eq!(released(&mut jobs, 1), [2]);
        assert_eq!(jobs.arrive(Nanos(9)), Some(JobNumber(3)));
        assert_eq!(jobs.unfinished(), 2);
    }

    #[test]
    fn all_that_comes_after_a_failure_is_over_and_never_begins() {
        let setup = setup(&[(0, &[]), (0, &[0]), (0, &[1]), (0, &[]), (9, &[0, 3])]);
        let mut jobs = Jobs::new(&setup);
        assert_eq!(jobs.arrive(Nanos(0)), Some(JobNumber(0)));
        assert_eq!(jobs.arrive(Nanos(0)), Some(JobNumber(3)));
        assert_eq!(jobs.arrive(Nanos(0)), None);
        assert_eq!(jobs.block(JobNumber(0)), [1, 4, 2].map(JobNumber));
        assert_eq!(jobs.unfinished(), 1);
        assert_eq!(released(&mut jobs, 3), [0; 0]);
        assert_eq!((jobs.arrive(Nanos(9)), jobs.unfinished()), (None, 0));
    }
}
