//! Tests of the tracker: events in, questions to the cluster out.
//!
//! One file per family of events, and two for what holds after any of them: `invariants` works out
//! anew what the cluster keeps in step, `properties` lets random events happen.

mod claims;
mod image;
mod invariants;
mod inventory;
mod node;
mod observed;
mod pod;
mod properties;
mod pull;
mod resync;

use crate::state::fixtures::world::World;

/// Checks which nodes hold a canonical reference, by name, and that all else is in step.
fn check(world: &World, reference: &str, holders: &[&str]) {
    assert_eq!(world.holders(reference), holders, "{reference}");
    invariants::check(&world.tracker, world.now);
}
