//! Processors and memory: what a node has and what a pod asks for.

use crate::model::unit::Bytes;

/// What a node has, or a pod asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// Thousandths of a processor.
    pub cpu_millis: u64,
    /// Memory.
    pub memory: Bytes,
}

impl Resources {
    /// Whether `other` fits.
    #[must_use]
    pub fn holds(self, other: Self) -> bool {
        self.cpu_millis >= other.cpu_millis && self.memory >= other.memory
    }

    /// What is left without `other`, at least nothing.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        let cpu_millis = self.cpu_millis.saturating_sub(other.cpu_millis);
        Self { cpu_millis, memory: self.memory - other.memory }
    }

    /// Both together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        let cpu_millis = self.cpu_millis.saturating_add(other.cpu_millis);
        Self { cpu_millis, memory: self.memory + other.memory }
    }
}
