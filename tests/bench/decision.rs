//! Benchmarks of the decision.

fn main() {}
