//! Working memory of a decision, used again for the next one.

use crate::model::unit::{Bytes, Nanos};
use crate::score::arriving::Piece;
use crate::score::decision::Reasons;

/// Working memory: bitmaps over nodes, and where each candidate's row is.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    /// All candidates.
    pub(super) candidates: Vec<u64>,
    /// Candidates of the group at hand.
    pub(super) group: Vec<u64>,
    /// One bitmap after another: for each need, the nodes that are charged for it.
    pub(super) charged: Vec<u64>,
    /// Holders of the thing at hand.
    pub(super) holders: Vec<u64>,
    /// Nodes that hold all layers so far.
    pub(super) prefix: Vec<u64>,
    /// Earlier needs that share layers with the one at hand, and how many; most first.
    pub(super) overlaps: Vec<(usize, usize)>,
    /// What was counted on a candidate with pulls in progress.
    pub(super) counted: Vec<Piece>,
    /// Bytes that each candidate lacks, by node: a table dense enough to stay in the first-level cache.
    pub(super) missing: Vec<Bytes>,
    /// What each row was charged for the pod itself, while later steps of its run are looked at.
    pub(super) charges: Vec<Charge>,
    /// Until the pod's cargo is on each candidate, by row.
    pub(super) delays: Vec<Nanos>,
    /// How long each pull of the node at hand takes.
    pub(super) takes: Vec<Nanos>,
    /// Row of each candidate, by node.
    pub(super) row_of: Vec<u32>,
}

/// What a candidate was charged so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Charge {
    pub(super) missing: Bytes,
    pub(super) kept: Bytes,
    pub(super) reasons: Reasons,
}

impl Scratch {
    fn words(node_count: usize) -> usize {
        node_count.div_ceil(64)
    }

    /// Makes the tables large enough, and forgets the candidates before. The tables by node are left as
    /// they are: an entry counts only where the node is a candidate.
    pub(super) fn start(&mut self, node_count: usize) {
        self.candidates.fill(0);
        let words = Self::words(node_count);
        for bitmap in [&mut self.candidates, &mut self.group, &mut self.holders, &mut self.prefix] {
            bitmap.resize(words, 0);
        }
        self.row_of.resize(node_count, u32::MAX);
        self.missing.resize(node_count, Bytes(0));
    }
}
