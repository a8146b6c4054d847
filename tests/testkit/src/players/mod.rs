//! The players: each plays a scenario on one kind of stream and returns its history.
//!
//! [`subjects`] names the streams. A driver is played by [`replay`](crate::replay), an
//! adapter one action at a time (`adapter`), on a stage: `threaded`, [`polled`] or
//! `on_tokio`.

mod adapter;
#[cfg(feature = "tokio")]
mod on_tokio;
#[cfg(feature = "futures")]
pub mod polled;
pub mod subjects;
mod threaded;
