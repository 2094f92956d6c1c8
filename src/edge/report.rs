//! Reports of the simulator: a table for terminals, JSON for programs, a page for people.
//!
//! All three are printed from one [`Report`], which has everything in it: no clock, no file and no network is
//! needed to read one, and equal runs give equal bytes. What the numbers are is [`crate::sim::summary`]'s.

mod bar;
mod chart;
pub mod json;
pub mod number;
pub mod page;
mod phrase;
pub mod text;

use crate::model::unit::{Bytes, Nanos, Price};
use crate::sim::setup::Setup;
use crate::sim::summary::comparison::Comparison;

/// All that a report tells.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was simulated.
    pub scenario: Scenario,
    /// How to get the same again, without what does not change the numbers.
    pub command: String,
    /// By policy, as in the comparison: what it is, in a few words.
    pub abouts: Vec<String>,
    /// The runs.
    pub comparison: Comparison,
    /// What a gigabyte that crosses a zone costs; nothing if nobody says.
    pub zone_gigabyte_price: Price,
}

/// What was simulated, in words and sizes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// What it is meant to show.
    pub about: String,
    /// What in it is real data: what, and from where.
    pub data: Vec<(String, String)>,
    /// What is modelled: what, and how.
    pub modelled: Vec<(String, String)>,
    /// What of the data was left out, at the first seed.
    pub notes: Vec<String>,
    /// How large it is, at the first seed.
    pub size: Size,
}

/// How large a scenario is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Nodes that it names; not those that an autoscaler may add.
    pub nodes: u64,
    /// At most so many that an autoscaler adds.
    pub scaled_nodes_max: u64,
    /// Zones.
    pub zones: u64,
    /// Jobs.
    pub jobs: u64,
    /// From the first arrival to the last.
    pub arrivals_last: Nanos,
    /// Images that the registry serves.
    pub images: u64,
    /// Compressed bytes of their layers, each once.
    pub image_bytes: Bytes,
    /// Volumes.
    pub volumes: u64,
}

impl Size {
    /// Of a setup.
    #[must_use]
    pub fn of(setup: &Setup) -> Self {
        let arrivals = || setup.jobs.iter().map(|job| job.arrives_at);
        let images = (0..setup.catalogue.len()).map(crate::sim::catalogue::ImageNumber);
        Self {
            nodes: setup.nodes.len() as u64,
            scaled_nodes_max: setup.scaling.as_ref().map_or(0, |it| u64::from(it.nodes_max)),
            zones: setup.zones.len() as u64,
            jobs: setup.jobs.len() as u64,
            arrivals_last: arrivals().max().unwrap_or_default()
                - arrivals().min().unwrap_or_default(),
            images: setup.catalogue.len() as u64,
            image_bytes: setup.catalogue.distinct_bytes(images),
            volumes: setup.volumes.len() as u64,
        }
    }
}

#[cfg(test)]
mod tests;
