//! A cluster that is not there: what it is made of, the physics of nodes and pulls, who decides, what came of
//! it.
//!
//! Pure like the rest of the core: no clock, no I/O, no Kubernetes types; time is virtual, chance comes
//! from a seed, and the same inputs give the same record to the byte. A [`setup`] goes in and a [`record`]
//! comes out; between them [`engine`] lets the [`world`] go on and asks a [`placement`] about each pod. Our
//! own part is the server's tracker and decisions ([`extender`]), which hear of the world by the same events
//! that a watch would give ([`observe`]); in `demo` it is asked over HTTP instead.
//!
//! A setup is made of a [`scenario`] and of rows of [`data`] by [`workload`], or of a [`trace`] of what a
//! real cluster did, which a recorder wrote down. What came of it is held against a [`bound`], and against
//! [`rival`]s.

pub mod bound;
pub mod catalogue;
pub mod data;
pub mod engine;
pub mod extender;
pub mod job;
pub mod observe;
pub mod placement;
pub mod random;
pub mod record;
pub mod resource;
pub mod rival;
pub mod scenario;
pub mod scheduler;
pub mod setup;
pub mod summary;
pub mod trace;
pub mod twin;
pub mod view;
pub mod workload;
pub mod world;

#[cfg(test)]
pub(crate) mod fixtures;
