//! Estimates in seconds: one formula a file.
//!
//! Numbers come in as arguments from the policy; facts come from the model. Nothing here knows
//! candidates, scores or reasons.

pub mod attach;
pub mod learned;
pub mod pull;
pub mod queue;
pub mod stream;
