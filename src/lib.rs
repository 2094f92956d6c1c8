//! dunnage
pub mod cli;
pub mod cmd;
pub mod cost;
pub mod edge;
pub mod model;
pub mod policy;
pub mod score;
pub mod sim;
pub mod state;
