//! dunnage
pub mod cost;
pub mod model;
pub mod policy;
pub mod score;
pub mod state;
