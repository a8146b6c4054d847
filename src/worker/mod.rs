//! Who moves the data: a worker alone touches the sink and calls the observer.
//!
//! - `thread.rs`: a background thread over any `io::Write`
//! - `future.rs`: a future over any `futures_io::AsyncWrite`
//! - `tokio.rs`: a task of tokio over its `AsyncWrite`
//! - `unwind.rs`: calls of what users have written, none of which may unwind
//! - `spawn_error.rs`: why a worker could not be started

#[cfg(feature = "futures")]
mod future;
mod spawn_error;
mod thread;
#[cfg(feature = "tokio")]
mod tokio;
mod unwind;

#[cfg(feature = "futures")]
pub use future::Worker;
pub use spawn_error::SpawnError;
#[cfg(feature = "tokio")]
pub use tokio::{open, spawn};
