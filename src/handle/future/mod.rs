//! The handle of a stream with a future behind it.
//!
//! - `builder.rs`: how it is made
//! - `writable.rs`: the owner; `pipe.rs`: a source into it
//! - `writer.rs`: the producers; `poll.rs`: how they are polled
//! - `lock.rs`: the lock, and the wakers of those who wait

pub(crate) mod builder;
pub(crate) mod lock;
mod pipe;
mod poll;
pub(crate) mod writable;
pub(crate) mod writer;
