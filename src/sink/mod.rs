//! Sinks that know nothing of streams.

mod reopen;

pub use reopen::{Reopen, Reopener};
