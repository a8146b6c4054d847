//! Sinks that know nothing of streams.

mod reopen;
#[cfg(unix)]
mod wait_ready;

pub use reopen::{Reopen, Reopener};
#[cfg(unix)]
pub use wait_ready::WaitReady;
