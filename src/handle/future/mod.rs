//! The handle of a stream with a future behind it.
//!
//! - `writable.rs`: the owner; `pipe.rs`: a source into it
//! - `writer.rs`: the producers
//! - `lock.rs`: the lock, and the wakers of those who wait

mod lock;
mod pipe;
mod writable;
mod writer;

pub(crate) use lock::Shared;
pub(crate) use writable::SinkSlot;
pub use writable::Writable;
pub use writer::{CorkGuard, Writer};
