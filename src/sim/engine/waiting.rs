//! Pods that find no room, so that a node that gains some is not held against each of them: pods that ask
//! for the same are one line, and such as only one node will do for are lines of their own.

use std::collections::BTreeMap;
use std::collections::VecDeque;

use crate::sim::placement::PodNumber;
use crate::sim::resource::Resources;
use crate::sim::setup::NodeNumber;

/// Processors, memory, and the only node that will do.
type Key = (u64, u64, Option<NodeNumber>);

/// The lines, and who came when.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    lines: BTreeMap<Key, VecDeque<(u64, PodNumber)>>,
    came: u64,
}

impl Waiting {
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// A pod waits. One that waited before is the youngest again, as in kube-scheduler.
    pub(super) fn add(&mut self, pod: PodNumber, requests: Resources, only: Option<NodeNumber>) {
        let key = (requests.cpu_millis, requests.memory.0, only);
        self.lines.entry(key).or_default().push_back((self.came, pod));
        self.came += 1;
    }

    /// Takes out the oldest of the pods for which there is room, given what they ask for and the only node
    /// that will do, if one is.
    pub(super) fn take_first(
        &mut self,
        has_room: impl Fn(Resources, Option<NodeNumber>) -> bool,
    ) -> Option<PodNumber> {
        let fits = |&(cpu_millis, memory, only): &Key| {
            let memory = crate::model::unit::Bytes(memory);
            has_room(Resources { cpu_millis, memory }, only)
        };
        let fitting = self.lines.iter().filter(|(key, _)| fits(key));
        let heads = fitting.filter_map(|(key, line)| Some((line.front()?.0, *key)));
        let (_, key) = heads.min()?;
        let line = self.lines.get_mut(&key)?;
        let first = line.pop_front();
        if line.is_empty() {
            self.lines.remove(&key);
        }
        first.map(|(_, pod)| pod)
    }
}

#[cfg(test)]
mod tests {
    use super::Waiting;
    use crate::model::unit::Bytes;
    use crate::sim::job::JobNumber;
    use crate::sim::placement::PodNumber;
    use crate::sim::resource::Resources;

    #[test]
    fn the_oldest_that_fits_is_first() {
        let mut waiting = Waiting::default();
        for (job, cpu_millis) in [(0, 4000), (1, 100), (2, 4000), (3, 100)] {
            let pod = PodNumber { job: JobNumber(job), attempt: 0 };
            waiting.add(pod, Resources { cpu_millis, memory: Bytes(0) }, None);
        }
        let mut take = |free: u64| {
            let first = waiting.take_first(|requests, _| requests.cpu_millis <= free);
            first.map(|pod| pod.job.0)
        };
        assert_eq!(
            [100, 5000, 5000, 99, 100].map(&mut take),
            [1, 0, 2, u32::MAX, 3].map(|job| (job < 9).then_some(job))
        );
        assert!(waiting.is_empty());
    }
}
