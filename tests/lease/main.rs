//! The law of leases (rule 25) for whole runs: a driver that does what a lease allows, and
//! settles, cannot be distinguished from one that puts in each step. `tests/graph.rs` has the same
//! law for single steps, in every state of some graphs.

mod joined;
mod settled;
mod stream;
