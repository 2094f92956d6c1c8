//! A cluster that is not there: the physics of nodes and pulls, the scheduler without us, a workload.
//!
//! Pure like the rest of the core: no clock, no I/O, no Kubernetes types; time is virtual, chance comes
//! from a seed, and the same inputs give the same report to the byte. What the world does reaches the
//! tracker as the same events that a watch would give ([`observe`]). Who scores for dunnage is not known
//! here: [`engine`] asks for points and takes whatever comes, over HTTP in `demo`, or none at all.

pub mod catalogue;
pub mod engine;
pub mod job;
pub mod observe;
pub mod random;
pub mod report;
pub mod resource;
pub mod setup;
pub mod stock;
pub mod twin;
pub mod workload;
pub mod world;
