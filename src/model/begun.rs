//! Pulls that are in progress or ended a moment ago, as they were when they began: what they move and what
//! was known then of how fast that would be, to be held against what the kubelet reports.
//!
//! By node and reference, not by pod: of several pods that want an image one pulls it, and the first report
//! is of that one. An entry is taken out with it, so that nothing counts twice.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::cluster::NodeId;
use crate::model::observed::{GroupId, Knowledge, PULL_BYTES_MIN};
use crate::model::unit::{Bytes, Nanos, Time};

/// A report of a pull comes about when the pod's status does: a minute covers a slow API server.
const REPORTED_WITHIN: Nanos = Nanos::from_seconds(60);
/// Pulls noted at once, some 1 MB; what is beyond is not learned from.
const PULLS_MAX: usize = 4_096;

/// A pull as it began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BegunPull {
    /// The group of its node.
    pub group: GroupId,
    /// Compressed bytes that it moves.
    pub bytes: Bytes,
    /// Those are of layers, and not of an image as a whole.
    pub has_layers: bool,
    /// The pull was seen from its beginning.
    pub is_new: bool,
    /// What was known of such pulls.
    pub knowledge: Knowledge,
    /// When it was no longer expected: the image is there, or the pod is gone.
    ended_at: Option<Time>,
}

/// The pulls noted.
#[derive(Debug, Default)]
pub struct BegunPulls {
    pulls: BTreeMap<(NodeId, Arc<str>), BegunPull>,
}

impl BegunPull {
    /// A pull that begins.
    pub(crate) const fn new(
        group: GroupId,
        bytes: Bytes,
        has_layers: bool,
        is_new: bool,
        knowledge: Knowledge,
    ) -> Self {
        Self { group, bytes, has_layers, is_new, knowledge, ended_at: None }
    }

    /// Whether its time tells how fast bytes come.
    #[must_use]
    pub fn is_telling(&self) -> bool {
        self.has_layers && self.is_new && self.bytes >= PULL_BYTES_MIN
    }
}

impl BegunPulls {
    /// The pull of a canonical reference to a node.
    #[must_use]
    pub fn get(&self, node: NodeId, reference: &str, now: Time) -> Option<&BegunPull> {
        let pull = self.pulls.get(&(node, Arc::from(reference)))?;
        pull.is_open(now).then_some(pull)
    }

    /// Takes it out.
    pub(crate) fn take(&mut self, node: NodeId, reference: &str, now: Time) -> Option<BegunPull> {
        let pull = self.pulls.remove(&(node, Arc::from(reference)))?;
        pull.is_open(now).then_some(pull)
    }

    /// The pulls that a node has now. Those noted keep what was noted, but for bytes that turn out to be
    /// more: fewer would be because some have come.
    pub(crate) fn refresh(&mut self, node: NodeId, now: Vec<(Arc<str>, BegunPull)>, at: Time) {
        let first = (node, Arc::from(""));
        let after = (NodeId(node.0.saturating_add(1)), Arc::from(""));
        for ((_, reference), noted) in self.pulls.range_mut(first..after) {
            if noted.ended_at.is_none() && now.iter().all(|(name, _)| name != reference) {
                noted.ended_at = Some(at);
            }
        }
        for (reference, pull) in now {
            let len = self.pulls.len();
            match self.pulls.get_mut(&(node, reference.clone())) {
                Some(noted) if noted.ended_at.is_none() => noted.note_again(&pull),
                Some(ended) => *ended = pull,
                None if len < PULLS_MAX => {
                    self.pulls.insert((node, reference), pull);
                }
                None => {}
            }
        }
    }

    /// Forgets pulls that ended and were not reported.
    pub(crate) fn expire(&mut self, now: Time) {
        self.pulls.retain(|_, pull| pull.is_open(now));
    }

    /// Forgets a node's: its id may soon be another's.
    pub(crate) fn forget_node(&mut self, node: NodeId) {
        self.pulls.retain(|(other, _), _| *other != node);
    }
}

impl BegunPull {
    fn note_again(&mut self, pull: &Self) {
        let at_first = if self.has_layers || !pull.has_layers { self.bytes } else { Bytes(0) };
        self.has_layers |= pull.has_layers;
        self.bytes = at_first.max(pull.bytes);
    }

    fn is_open(&self, now: Time) -> bool {
        self.ended_at.is_none_or(|ended| now < ended.after(REPORTED_WITHIN))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{BegunPull, BegunPulls, PULLS_MAX, REPORTED_WITHIN};
    use crate::model::cluster::NodeId;
    use crate::model::observed::{GroupId, Knowledge};
    use crate::model::unit::{Bytes, Time};

    const NODE: NodeId = NodeId(3);

    fn pull(bytes: u64) -> BegunPull {
        BegunPull::new(GroupId(0), Bytes(bytes), true, true, Knowledge::default())
    }

    fn bytes(pulls: &BegunPulls, now: Time) -> Option<u64> {
        pulls.get(NODE, "r.io/a:1", now).map(|pull| pull.bytes.0)
    }

    #[test]
    fn a_pull_is_kept_as_it_began_and_taken_once() {
        let mut pulls = BegunPulls::default();
        for seen in [70, 50, 60] {
            pulls.refresh(NODE, vec![(Arc::from("r.io/a:1"), pull(seen))], Time(0));
        }
        assert_eq!(bytes(&pulls, Time(0)), Some(70));
        assert!(pulls.take(NODE, "r.io/a:1", Time(0)).is_some());
        assert!(pulls.take(NODE, "r.io/a:1", Time(0)).is_none());
    }

    #[test]
    fn one_that_ended_waits_for_its_report_a_while_and_another_takes_its_place() {
        let mut pulls = BegunPulls::default();
        pulls.refresh(NODE, vec![(Arc::from("r.io/a:1"), pull(70))], Time(0));
        pulls.refresh(NODE, Vec::new(), Time(1));
        assert_eq!(bytes(&pulls, Time(1)), Some(70));
        let late = Time(1).after(REPORTED_WITHIN);
        assert_eq!(bytes(&pulls, late), None);
        pulls.refresh(NODE, vec![(Arc::from("r.io/a:1"), pull(20))], Time(2));
        assert_eq!(bytes(&pulls, Time(2)), Some(20));
        pulls.refresh(NODE, Vec::new(), Time(1));
        pulls.expire(late);
        assert!(pulls.pulls.is_empty());
    }

    #[test]
    fn a_flood_is_bounded_and_a_node_that_goes_leaves_nothing() {
        let mut pulls = BegunPulls::default();
        for number in 0..PULLS_MAX + 9 {
            let name = Arc::from(format!("r.io/a:{number}"));
            pulls.refresh(NodeId(u32::try_from(number).unwrap()), vec![(name, pull(1))], Time(0));
        }
        assert_eq!(pulls.pulls.len(), PULLS_MAX);
        pulls.forget_node(NodeId(0));
        assert_eq!(pulls.pulls.len(), PULLS_MAX - 1);
    }
}
