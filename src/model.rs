//! The nouns of placement: nodes, pods, images, layers, and the one [`cluster::Cluster`] they form.
//!
//! Everything here is plain data over dense integer ids, with read-only queries. Nothing here
//! decides, reads a clock, does I/O, or knows Kubernetes' types; [`crate::state`] is the only writer.

pub mod begun;
pub mod chain;
pub mod chain_id;
pub mod claim;
pub mod cluster;
pub mod expected;
pub mod image;
pub mod intern;
pub mod inventory;
pub mod listed;
pub mod node;
mod node_names;
pub mod node_set;
pub mod observed;
pub mod pod;
pub mod quantity;
pub mod reference;
pub mod resolve;
pub mod run;
pub mod storage;
pub mod unit;
pub mod volume;
