//! The resolver, from an image's name to layers in a decision: against a real registry, plain and with
//! credentials, and against one that misbehaves in every way that registries do.
//!
//! The ports' routers and the resolver run in this process, on nodes and pods given as events; registries
//! are real processes or servers of the test, found by `hosts.toml`. That no sleep is needed: everything
//! waited for is asked for at the admin port.

pub mod credentials;
mod faults;
mod faulty;
mod flood;
pub mod image;
mod resolves;
pub mod rig;
mod secrets;
pub mod server;
mod switch;
mod tls;
pub mod token_server;
