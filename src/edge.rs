//! The edges: thin adapters between the core and the world. Async, sockets, files and Kubernetes'
//! types live here and in [`crate::cmd`], and nowhere else.
//!
//! Edges know the core; of each other they know only [`body`], [`cause`], [`clock`], [`inventory`],
//! [`lines`], [`manifests`], [`metrics`], [`object`], [`recent`], [`shared`], [`trace`], [`tree`],
//! [`unresolved`] and [`view`]; of the simulator only [`dataset`], [`report`] and [`trace`] know anything.

pub mod admin;
pub mod baggageclaim;
pub mod body;
pub mod cause;
pub mod clock;
pub mod containerd;
pub mod dataset;
pub mod extender;
pub mod inventory;
pub mod lines;
pub mod manifests;
pub mod metrics;
pub mod object;
pub mod probe;
pub mod recent;
pub mod registry;
pub mod report;
pub mod shared;
pub mod trace;
pub mod tree;
pub mod unresolved;
pub mod view;
pub mod volume;
pub mod watch;
