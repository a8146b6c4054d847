//! What the tests of highwater share.
//!
//! | module | what it does | used by |
//! | --- | --- | --- |
//! | [`replay`] | plays a scenario on the driver | the program `replay`, `tests/traces.rs` |
//! | [`explore`] | visits every state within bounds | the program `explore`, `tests/graph.rs` |
//! | [`scenarios`] | generates random scenarios | `tests/invariants.rs` |
//! | [`players`] | play a scenario on the driver or a stream with a worker | `tests/invariants.rs` |
//! | [`judge`] | names the invariants that a history breaks | `tests/invariants.rs` |
//! | [`gate`] | is a sink that answers when the test says so | `tests/thread.rs` |
//! | [`records`] | checks what drivers have written down | `tests/record.rs` |
//! | [`random`] | checks a property on random cases | every test with random cases |
//! | [`wakes`] | counts wake-ups | every test that counts them |
//! | [`sinks`] | do in one call what a closure says | every test with such a sink |
//! | [`deadlocks`] | waits that would deadlock | `tests/deadlock.rs`, `tests/deadlock_nested.rs` |
//! | [`bodies`] | polls a body by hand | `tests/body.rs`, `tests/body_http.rs` |
//! | [`disk`] | loses what was not synced, when it dies | `tests/durable.rs` |
//! | [`child`] | starts a test again in a process of its own | `tests/kill.rs`, `tests/faults/real.rs` |
//!
//! A scenario is a line of JSON. A history is a list of
//! [records](replay::history::Record). A trace is the lines of a history that Node has.
//!
//! `tests/node/` runs the program `replay` and compares its traces with those of Node.
//! `spec/check.sh` runs the program `explore` and compares the machine with its
//! specification.
//!
//! The features `futures` and `tokio` add the players of the polled workers.

#[cfg(feature = "futures")]
pub mod bodies;
pub mod child;
pub mod deadlocks;
#[cfg(feature = "futures")]
pub mod disk;
pub mod explore;
pub mod gate;
pub mod judge;
pub mod players;
pub mod random;
pub mod records;
pub mod replay;
pub mod scenarios;
pub mod sinks;
pub mod wakes;
