//! The extender port: what kube-scheduler sends, what hostile clients send, and what comes back.
//!
//! Where no socket matters the router is called directly, on a cluster made of events and a clock that
//! stands still; where one does, through a server of ours, in this process or in its own.

mod answers;
mod filter;
mod hostile;
mod limits;
mod memory;
mod neutral;
mod process;
mod properties;
mod rig;
mod sockets;
