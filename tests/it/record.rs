//! `dunnage record` on a real API server and scheduler: what is recorded is what happened, it is a whole
//! trace however the recording ends, and `simulate` does it again.

mod cluster;
mod ends;
mod published;
mod recording;
mod replayed;
mod resolving;
