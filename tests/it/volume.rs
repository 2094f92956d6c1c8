//! `dunnage volume` as scripts run it: what goes in comes out, whatever happens in between.
//!
//! | module | decides |
//! | --- | --- |
//! | `rig` | how the command is run, and what trees are made of |
//! | `store` | put, get, ls, rm; what is kept, what is refused |
//! | `crash` | killed in the middle, a full disk, readers while it is replaced or removed |
//! | `registry` | pushed to a real registry, and got from it |
//! | `agent` | what the agent reports, evicts and serves, on a real API server |
//! | `mishaps` | the agent killed while it lists, and beside what cannot be deleted |
//! | `busy` | a holder whose streams are all taken |
//! | `tls` | the same by TLS: whose certificate is trusted |
//! | `hostile` | archives and records that somebody wrote to do harm |

pub mod agent;
mod busy;
mod crash;
mod hostile;
mod mishaps;
mod registry;
pub mod rig;
mod store;
mod tls;
