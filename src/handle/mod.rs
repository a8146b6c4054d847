//! What users hold: how a stream is made, its owner, its producers, and what takes time.
//!
//! - `builder.rs`: how it is made; `on_drop.rs`: what a drop of it does
//! - `writable.rs`: the owner; `end.rs`, `destroy.rs`: how it ends; `pipe.rs`: a source into it,
//!   and `pipe_error.rs`: why that failed
//! - `writer.rs`: the producers; `polls.rs`: what a `Sink` and an `AsyncWrite` poll of them
//! - `wait.rs`, `sending.rs`: what takes time, for a task and for a thread; `budget.rs`: when a
//!   task gives up its turn
//! - `lock.rs`: the stream under its lock, and how to wait for it; `work.rs`: how its worker waits,
//!   and `gather.rs`: how it leaves the producers of a group time
//! - `retry.rs`: when a call of the sink that has failed is made again
//! - `parker.rs`: how a thread waits; `stack.rs`: when it must not

// The documentation shows the methods of `Writable` in the order of these lines.
mod builder;

mod writable;
mod writer;

mod end;

mod pipe;

mod destroy;

mod budget;
mod gather;
mod lock;
mod on_drop;
mod parker;
mod pipe_error;
mod polls;
mod retry;
mod sending;
mod stack;
mod wait;
mod work;

#[cfg(feature = "futures")]
pub(crate) use budget::on_budget;
#[cfg(feature = "futures")]
pub use builder::FutureOptions;
pub use builder::{AnyWorker, Builder, ThreadOptions};
pub use destroy::Destroy;
pub use end::{End, EndError};
#[cfg(feature = "futures")]
pub(crate) use gather::Group;
pub(crate) use lock::Shared;
pub use on_drop::OnDrop;
pub(crate) use parker::Parker;
pub use pipe_error::PipeError;
pub(crate) use retry::Retry;
pub use sending::{SendError, Sending};
pub use wait::Wait;
pub(crate) use writable::SinkSlot;
pub use writable::Writable;
pub use writer::{CorkGuard, Writer};
