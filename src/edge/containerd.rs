//! containerd's store of one node, read over its socket: what is there, and that something changed.
//!
//! Only reads. Speaks the `v1` services, which containerd 1.7 and 2.x have in common; `proto/` holds the
//! calls and fields that are used. What the facts mean for placement is [`crate::edge::inventory`]'s.

pub mod change;
pub mod client;
pub mod disk;
pub mod read;

/// containerd's messages and calls, generated from `proto/`.
pub mod proto {
    #![allow(missing_docs, clippy::all, clippy::pedantic)]
    include!(concat!(env!("OUT_DIR"), "/containerd.rs"));
}

pub use client::{Containerd, Error};
