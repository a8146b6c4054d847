//! highwater
#![no_std]
#![deny(
    clippy::std_instead_of_core,
    clippy::std_instead_of_alloc,
    clippy::alloc_instead_of_core
)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod machine;

#[cfg(feature = "alloc")]
mod callbacks;
#[cfg(feature = "alloc")]
mod chunk;
#[cfg(feature = "alloc")]
mod driver;
#[cfg(feature = "std")]
mod error;
#[cfg(feature = "alloc")]
mod queue;
#[cfg(feature = "std")]
pub mod thread;

#[cfg(feature = "alloc")]
pub use chunk::Chunk;
#[cfg(feature = "alloc")]
pub use driver::{Driver, Flow, Host, Refused};
#[cfg(feature = "std")]
pub use error::{Cause, EndError, Failure, PipeError, SpawnError, WaitError, WriteError};
#[cfg(feature = "std")]
pub use thread::{
    Blocking, Builder, Corked, Done, Event, OnDrop, Remains, Snapshot, Writable, Writer,
};

/// Any error: what the examples return.
#[cfg(feature = "std")]
pub type BoxError = alloc::boxed::Box<dyn core::error::Error + Send + Sync>;
