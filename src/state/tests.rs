//! Tests of the tracker: events in, questions to the cluster out.
//!
//! One file per family of events, and two for what holds after any of them: `invariants` works out
//! anew what the cluster keeps in step, `properties` lets random events happen.

mod invariants;
mod properties;
