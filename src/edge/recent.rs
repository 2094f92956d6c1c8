//! The last decisions, kept for the page, for `explain`, and for what becomes known when a pod is bound.
//!
//! Bounded by decisions and by rows; the buffers of the oldest serve the next decision, so that in
//! steady state deciding allocates nothing for its rows. Entries are shared: who shows them clones a few
//! pointers, and reads the rows after the lock is gone.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::model::cluster::NodeId;
use crate::model::pod::PodFacts;
use crate::score::decision::{Decision, Row};

/// Enough for the page, and for every pod between its scheduling cycle and its binding.
const DECISIONS_MAX: usize = 1_000;
/// Bounds memory with large clusters: 200,000 rows of 56 bytes are 11 MB, and if every pod has volumes as
/// many rows of 88 bytes beside them another 18 MB.
const ROWS_MAX: usize = 200_000;

/// One remembered decision; a clone costs as little with 15,000 rows as with one.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The pod it was for.
    pub pod: Arc<PodFacts>,
    /// What was decided.
    pub decision: Arc<Decision>,
    /// Whether the points were sent, or an empty answer instead (shadow).
    pub sent: bool,
    /// Where the pod was bound, once known.
    pub chosen: Option<NodeId>,
}

/// The last decisions, oldest first.
#[derive(Debug, Default)]
pub struct Recent {
    entries: VecDeque<Entry>,
    /// Number of the entry at the front; numbers never repeat.
    first: u64,
    by_uid: HashMap<String, u64>,
    rows: usize,
}

impl Recent {
    /// A decision to write into: the oldest one's buffers, if it is time for it to go.
    pub fn take_buffer(&mut self) -> Decision {
        if self.entries.len() < DECISIONS_MAX && self.rows < ROWS_MAX {
            return Decision::default();
        }
        let mut buffer = Decision::default();
        while self.entries.len() >= DECISIONS_MAX || self.rows >= ROWS_MAX {
            let Some(entry) = self.entries.pop_front() else {
                break;
            };
            if self.by_uid.get(&entry.pod.uid) == Some(&self.first) {
                self.by_uid.remove(&entry.pod.uid);
            }
            self.first += 1;
            self.rows -= entry.decision.rows.len();
            // Somebody may still be showing it: then it is freed by them, and the next one starts anew.
            buffer = Arc::into_inner(entry.decision).unwrap_or_default();
        }
        buffer
    }

    /// Remembers a decision; a later one for the same pod takes the place of an earlier in look-ups.
    pub fn remember(&mut self, pod: PodFacts, decision: Decision, sent: bool) {
        self.by_uid.insert(pod.uid.clone(), self.first + self.entries.len() as u64);
        self.rows += decision.rows.len();
        let (pod, decision) = (Arc::new(pod), Arc::new(decision));
        self.entries.push_back(Entry { pod, decision, sent, chosen: None });
    }

    /// Notes where a pod was bound. Returns the entry the first time, `None` if it is not remembered or
    /// was noted before.
    pub fn note_bound(&mut self, uid: &str, node: NodeId) -> Option<&Entry> {
        let number = *self.by_uid.get(uid)?;
        let at = usize::try_from(number - self.first).ok()?;
        let entry = self.entries.get_mut(at)?;
        if entry.chosen.is_some() {
            return None;
        }
        entry.chosen = Some(node);
        Some(entry)
    }

    /// The last decision about a pod.
    #[must_use]
    pub fn of_pod(&self, uid: &str) -> Option<&Entry> {
        let at = usize::try_from(self.by_uid.get(uid)? - self.first).ok()?;
        self.entries.get(at)
    }

    /// The remembered decisions, newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().rev()
    }
}

impl Entry {
    /// The row of the node the pod was bound to.
    #[must_use]
    pub fn chosen_row(&self) -> Option<&Row> {
        let chosen = self.chosen?;
        self.decision.rows.iter().find(|row| row.node == chosen)
    }

    /// [`best_and_median_bytes`] of its candidates.
    #[must_use]
    pub fn best_and_median_bytes(&self) -> (u64, u64) {
        best_and_median_bytes(&self.decision.rows)
    }

    /// The same of volumes: the candidate that needs least of them may be another one.
    #[must_use]
    pub fn best_and_median_volume_bytes(&self) -> (u64, u64) {
        let volumes = self.decision.rows.iter().filter_map(|row| self.decision.volumes_of(row));
        best_and_median(volumes.map(|row| row.missing.0).collect())
    }
}

/// Bytes of images to move to the candidate that needs least, and to the median one; zeros without rows.
#[must_use]
pub fn best_and_median_bytes(rows: &[Row]) -> (u64, u64) {
    best_and_median(rows.iter().map(|row| row.missing.0).collect())
}

fn best_and_median(mut bytes: Vec<u64>) -> (u64, u64) {
    let best = bytes.iter().min().copied().unwrap_or(0);
    let middle = bytes.len() / 2;
    let median = (!bytes.is_empty()).then(|| *bytes.select_nth_unstable(middle).1);
    (best, median.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::{DECISIONS_MAX, Recent};
    use crate::model::pod::PodFacts;
    use crate::score::decision::{Decision, Row};

    fn remember(recent: &mut Recent, uid: &str, waiting_pods: u32) {
        let mut decision = recent.take_buffer();
        decision.rows.clear();
        decision.rows.push(Row { waiting_pods, ..Row::default() });
        recent.remember(PodFacts { uid: uid.to_owned(), ..PodFacts::default() }, decision, true);
    }

    #[test]
    fn what_is_being_shown_is_not_written_into_again() {
        let mut recent = Recent::default();
        remember(&mut recent, "first", 5);
        let shown = recent.newest_first().next().cloned().expect("remembered");
        for number in 0..DECISIONS_MAX {
            remember(&mut recent, &number.to_string(), 0);
        }
        assert!(recent.newest_first().all(|entry| entry.pod.uid != "first"), "it went");
        assert_eq!(shown.decision.rows[0].waiting_pods, 5);
        assert_eq!(recent.newest_first().count(), DECISIONS_MAX);
    }

    #[test]
    fn the_buffer_of_the_oldest_is_used_again() {
        let mut recent = Recent::default();
        for number in 0..DECISIONS_MAX {
            remember(&mut recent, &number.to_string(), 0);
        }
        let rows = recent.newest_first().last().map(|entry| entry.decision.rows.as_ptr());
        let Decision { rows: reused, .. } = recent.take_buffer();
        assert_eq!(rows, Some(reused.as_ptr()));
    }
}
