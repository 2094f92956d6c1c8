//! A cluster of real nodes: pods run, bytes are counted, and nothing is left afterwards.

mod pulls;

/// A name for a namespace of this cluster.
const NAMESPACE: &str = "steps";
