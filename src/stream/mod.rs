//! The stream as it lies under the lock of a handle: the driver, and what handles and
//! workers do with it.
//!
//! - `stream.rs`: the stream, and [`Stream::change`], which returns whom to wake
//! - `write.rs`: what a producer does: write, flush, cork; `lease.rs`: how most small writes
//!   get in; `own_lease.rs`, `own_write.rs`: how those of the owner do without the lock,
//!   by way of `segment.rs` and `barrier.rs`
//! - `condition.rs`: what a caller waits for; `waiters.rs`: the callers that wait; `wait.rs`: how
//!   they wait, and are woken
//! - `end.rs`: how it ends, and what is left then
//! - `work.rs`: what the worker takes, and what it reports
//! - `handoff.rs`: what lies between the machine and the worker
//! - `write_job.rs`: a job of writing: what the sink gets next, and what it has taken;
//!   `progress.rs`: how far it is, which is seen without the lock
//! - `event.rs`: what an observer sees, and what can be read
//!
//! No rule of the stream is here: what may be written when, when the stream says
//! `Wait`, and when 'drain' comes is in the [machine](crate::machine).

mod barrier;
mod condition;
mod end;
mod event;
mod handoff;
mod lease;
mod own_lease;
mod own_write;
mod progress;
mod segment;
#[allow(clippy::module_inception)] // it is what the floor is about
mod stream;
mod wait;
mod waiters;
mod work;
mod write;
mod write_job;

pub(crate) use condition::Condition;
pub use condition::WaitError;
pub(crate) use end::Failure;
pub use end::{Finished, Unfinished};
pub use event::{Event, Snapshot};
pub(crate) use event::{Observer, OnError};
pub(crate) use handoff::Job;
pub(crate) use own_lease::By;
pub(crate) use progress::Progress;
pub(crate) use segment::{Filled, Filler};
pub(crate) use stream::{OPTIONS, Stream, Wakers};
pub(crate) use waiters::Ticket;
pub(crate) use work::Work;
pub use write::WriteError;
pub(crate) use write_job::{Call, Calls, Item, WriteJob, heard};
