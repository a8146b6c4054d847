//! The players: each plays a scenario on one kind of stream and returns its history.
//!
//! [`subjects`] names the streams. A driver is played by [`replay`](crate::replay); a stream
//! with a worker one action at a time (`adapter`), on a stage: `threaded`, [`polled`],
//! `on_tokio` or `on_body`, with `producers` that are threads or tasks.

mod adapter;
#[cfg(feature = "futures")]
mod on_body;
#[cfg(feature = "tokio")]
mod on_tokio;
#[cfg(feature = "futures")]
pub mod polled;
mod producers;
pub mod subjects;
mod threaded;
