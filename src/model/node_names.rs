//! The nodes' names side by side, by id.
//!
//! A request names hundreds to thousands of nodes. Names that lie one behind the other are read at the
//! speed of memory, where those that each have a place of their own cost a wait for every one.

use crate::model::cluster::NodeId;

/// A text is packed anew when this much of it, and half of it, is of nodes that are gone: rarely enough
/// that it costs nothing, and it bounds what a cluster leaves behind that makes and deletes nodes all day.
const LOST_BYTES_MAX: usize = 1 << 16;

/// Names by id, in one text.
#[derive(Debug, Default)]
pub(crate) struct NodeNames {
    text: String,
    /// Start and length of each name; of no length where there is none.
    spans: Vec<(usize, usize)>,
    lost_bytes: usize,
}

impl NodeNames {
    /// The name of a node; empty for ids that nobody has.
    pub(crate) fn get(&self, id: NodeId) -> &str {
        let (start, length) = self.spans.get(id.index()).copied().unwrap_or_default();
        &self.text[start..start + length]
    }

    /// Gives a node its name; an empty one for a node that is gone.
    pub(crate) fn set(&mut self, id: NodeId, name: &str) {
        if id.index() >= self.spans.len() {
            self.spans.resize(id.index() + 1, (0, 0));
        }
        self.lost_bytes += self.spans[id.index()].1;
        self.spans[id.index()] = (self.text.len(), name.len());
        self.text.push_str(name);
        if self.lost_bytes > LOST_BYTES_MAX && self.lost_bytes > self.text.len() / 2 {
            self.pack();
        }
    }

    fn pack(&mut self) {
        let mut packed = String::with_capacity(self.text.len() - self.lost_bytes);
        for span in &mut self.spans {
            let start = packed.len();
            packed.push_str(&self.text[span.0..span.0 + span.1]);
            span.0 = start;
        }
        self.text = packed;
        self.lost_bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::{LOST_BYTES_MAX, NodeNames};
    use crate::model::cluster::NodeId;

    #[test]
    fn names_are_given_taken_and_packed() {
        let mut names = NodeNames::default();
        names.set(NodeId(3), "d");
        names.set(NodeId(0), "a");
        for round in 0..LOST_BYTES_MAX / 4 {
            names.set(NodeId(1), &format!("b{round:07}"));
        }
        assert_eq!(["a", "b0016383", "", "d", ""], [0, 1, 2, 3, 9].map(|id| names.get(NodeId(id))));
        assert!(names.text.len() < 2 * LOST_BYTES_MAX);
        names.set(NodeId(1), "");
        assert_eq!(names.get(NodeId(1)), "");
    }
}
