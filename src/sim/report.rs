//! What a run came to so far, in the few numbers that the demo shows. Reports of whole runs are
//! [`crate::sim::summary`]'s, and so is how each number is counted.

use crate::model::unit::{Bytes, Nanos};
use crate::sim::record::Record;
use crate::sim::setup::Setup;
use crate::sim::summary::load;
use crate::sim::summary::wait::Waits;

/// Sums of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Pods that started.
    pub started: usize,
    /// Bytes of images moved to nodes.
    pub moved: Bytes,
    /// Bytes of the layers that the workload uses, each once: no placement can move less.
    pub least: Bytes,
    /// Bytes of the images that pods have got.
    pub wanted: Bytes,
    /// Of those, bytes that lay on the pod's node when it was bound.
    pub present: Bytes,
    /// From creation to start, over the pods that started: waiting for room, for other pulls, for its own.
    pub mean_wait: Nanos,
    /// The wait that 95 of 100 pods did not exceed (nearest rank).
    pub p95_wait: Nanos,
    /// Load of the busiest node in thousandths of the mean: [`load::busiest`].
    pub busiest_per_mille: u64,
}

impl Totals {
    /// The sums of a run as far as it has come; of one at its end all pods are in them.
    #[must_use]
    pub fn of(setup: &Setup, record: &Record) -> Self {
        let mut totals = Self { moved: record.run.images.total(), ..Self::default() };
        let mut waits = Vec::with_capacity(setup.jobs.len());
        let mut used = Vec::new();
        for (job, pod) in setup.jobs.iter().zip(&record.pods) {
            totals.wanted += pod.wanted;
            totals.present += pod.present_at_binding();
            waits.extend(pod.wait());
            let Some(bound_at) = pod.bound_at else { continue };
            let references = job.containers.iter().map(|container| container.reference);
            used.extend(references.map(|name| setup.catalogue.reference(name).at(bound_at)));
        }
        totals.least = setup.catalogue.distinct_bytes(used);
        totals.started = waits.len();
        let waits = Waits::of(waits);
        totals.mean_wait = waits.mean;
        totals.p95_wait = waits.percentile(95).unwrap_or_default();
        totals.busiest_per_mille = load::busiest(setup, &record.run.nodes, record.run.ended_at).0;
        totals
    }

    /// Share of the wanted bytes that lay there already, in thousandths.
    #[must_use]
    pub fn hit_per_mille(&self) -> u64 {
        per_mille(self.present, self.wanted)
    }

    /// Bytes moved over the least possible, in thousandths.
    #[must_use]
    pub fn times_least_per_mille(&self) -> u64 {
        per_mille(self.moved, self.least)
    }
}

/// The table of runs by name, and of the bound that none can beat; lines of at most 100 columns.
#[must_use]
pub fn table(runs: &[(&str, Totals)]) -> String {
    let header =
        ["GB moved", "times least", "mean wait", "p95 wait", "hit rate", "busiest/mean node"];
    let mut text = line("placement", header.map(str::to_owned));
    for (name, totals) in runs {
        text.push_str(&line(name, cells(totals)));
    }
    if let Some((_, totals)) = runs.first() {
        let none = String::new;
        let least = [gigabytes(totals.least), "1.0".to_owned(), none(), none(), none(), none()];
        text.push_str(&line("least possible", least));
    }
    text
}

fn cells(totals: &Totals) -> [String; 6] {
    [
        gigabytes(totals.moved),
        tenths(totals.times_least_per_mille() / 100),
        format!("{} s", tenths(totals.mean_wait.0 / 100_000_000)),
        format!("{} s", tenths(totals.p95_wait.0 / 100_000_000)),
        format!("{} %", totals.hit_per_mille() / 10),
        format!("{}.{:02}", totals.busiest_per_mille / 1000, totals.busiest_per_mille % 1000 / 10),
    ]
}

fn line(name: &str, cells: [String; 6]) -> String {
    let [moved, times, mean, p95, hits, load] = cells;
    let text = format!("{name:<22}{moved:>9}{times:>13}{mean:>11}{p95:>10}{hits:>10}{load:>19}");
    format!("{}\n", text.trim_end())
}

/// Bytes in GB of 10^9 with one decimal, rounded down.
#[must_use]
pub fn gigabytes(bytes: Bytes) -> String {
    tenths(bytes.0 / 100_000_000)
}

fn tenths(value: u64) -> String {
    format!("{}.{}", value / 10, value % 10)
}

fn per_mille(part: Bytes, whole: Bytes) -> u64 {
    let share = u128::from(part.0) * 1000 / u128::from(whole.0.max(1));
    u64::try_from(share).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Totals, table};
    use crate::model::unit::{Bytes, Nanos};

    #[test]
    fn the_table_reads_as_it_should() {
        let totals = Totals {
            started: 2,
            moved: Bytes(152_340_000_000),
            least: Bytes(10_663_413_507),
            wanted: Bytes(300_000_000_000),
            present: Bytes(123_000_000_000),
            mean_wait: Nanos(31_090_000_000),
            p95_wait: Nanos::from_seconds(84),
            busiest_per_mille: 1219,
        };
        let expected = "\
placement              GB moved  times least  mean wait  p95 wait  hit rate  busiest/mean node
kube-scheduler alone      152.3         14.2     31.0 s    84.0 s      41 %               1.21
least possible             10.6          1.0
";
        assert_eq!(table(&[("kube-scheduler alone", totals)]), expected);
    }

    #[test]
    fn nothing_run_is_no_division_by_zero() {
        let totals = Totals::default();
        assert_eq!((totals.hit_per_mille(), totals.times_least_per_mille()), (0, 0));
    }
}
