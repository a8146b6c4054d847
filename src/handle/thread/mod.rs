//! The handle of a stream with a thread behind it.
//!
//! - `builder.rs`: how it is made
//! - `writable.rs`: the owner; `pipe.rs`: a source into it
//! - `writer.rs`: the producers
//! - `lock.rs`: where producers, owner and worker meet

pub(crate) mod builder;
pub(crate) mod lock;
mod pipe;
pub(crate) mod writable;
pub(crate) mod writer;
