//! Sinks that know nothing of streams.

#[cfg(feature = "tokio")]
mod async_durable;
mod close_tcp;
mod durable;
mod file_error;
mod reopen;
mod rolling;
#[cfg(feature = "tokio")]
mod synced;
#[cfg(unix)]
mod wait_ready;

#[cfg(feature = "tokio")]
pub use async_durable::AsyncDurable;
pub use close_tcp::close_tcp;
pub use durable::Durable;
pub use file_error::FileError;
pub use reopen::{Reopen, Reopener};
pub use rolling::{RollingFile, RollingFileBuilder, RollingStatus};
#[cfg(unix)]
pub use wait_ready::WaitReady;
