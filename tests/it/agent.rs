//! `dunnage agent` as a process, on a real API server.
//!
//! | module | decides |
//! | --- | --- |
//! | `rig` | how an agent is started and waited for |
//! | `fake` | a containerd that fails on cue |
//! | `content` | images to put into one |
//! | `failure` | what is missing, broken or half written, and comes back |
//! | `real` | a real containerd: what it reuses, pulls in progress, removed images |
//! | `restart` | a real containerd that is killed and started again |
//! | `writes` | what is written, how often, by whom |

pub mod content;
mod failure;
pub mod fake;
mod real;
mod restart;
pub mod rig;
mod writes;
