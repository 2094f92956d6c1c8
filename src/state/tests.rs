//! Tests of the tracker: events in, questions to the cluster out.
//!
//! One file per family of events, and two for what holds after any of them: `invariants` works out
//! anew what the cluster keeps in step, `properties` lets random events happen.

mod claims;
mod image;
mod interleaving;
mod invariants;
mod inventory;
mod node;
mod observed;
mod pending;
mod placed;
mod pod;
mod properties;
mod pull;
mod resync;
mod volume;

use crate::state::fixtures::world::World;

/// Checks which nodes hold a canonical reference, by name, and that all else is in step.
fn check(world: &World, reference: &str, holders: &[&str]) {
    assert_eq!(world.holders(reference), holders, "{reference}");
    check_all(world);
}

/// Checks that all is in step.
fn check_all(world: &World) {
    invariants::check(&world.tracker, world.now);
}
