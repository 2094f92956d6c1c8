//! What pods and nodes are made of a scenario and its data, from a seed.
//!
//! A generator drafts runs one after the other ([`draft`]), each kind of job in a file of its own, and
//! [`build`] puts all together. Integers only: no library's logarithm can change a figure.

pub mod argo;
pub mod arrival;
pub mod build;
pub mod chance;
pub mod concourse;
pub mod dag;
pub mod draft;
pub mod duration;
pub mod generate;
pub mod image;
pub mod join;
pub mod later;
pub mod matrix;
pub mod node;
pub mod prow;
pub mod request;
pub mod tekton;
pub mod volume;

/// How much of a scenario is built: a small one, for a first look or a test, has a share of its nodes,
/// runs and pods, but at least one of each, and the same time between arrivals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Of a thousand.
    pub per_mille: u32,
}

impl Scale {
    /// All of it.
    pub const FULL: Self = Self { per_mille: 1000 };

    /// What is left of so many.
    #[must_use]
    pub fn of(self, count: u32) -> u32 {
        let scaled = (u64::from(count) * u64::from(self.per_mille)).div_ceil(1000);
        u32::try_from(scaled).unwrap_or(u32::MAX)
    }
}
