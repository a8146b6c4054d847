//! Sinks that know nothing of streams.

mod close_tcp;
mod reopen;
#[cfg(unix)]
mod wait_ready;

pub use close_tcp::close_tcp;
pub use reopen::{Reopen, Reopener};
#[cfg(unix)]
pub use wait_ready::WaitReady;
