//! The writable stream of Node.js for Rust: `write()` that answers whether to
//! go on, a high-water mark, 'drain', cork, end, finish, close, error.
//!
//! For everybody who writes to something slower than they are, a file, a log, a
//! socket, an HTTP response, an upload, and wants bounded memory, a clear "stop
//! now", acknowledgements, errors that keep their cause, and nothing lost at exit.
//!
//! # Write until told to wait, go on at drain
//!
//! ```
//! use highwater::{Flow, Writable};
//! use std::fs::File;
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("numbers.txt");
//! let mut out = Writable::builder()
//!     .high_water_mark(16 * 1024)
//!     .open(move || File::create(path))?; // on the background thread
//!
//! for n in 1..=100_000 {
//!     if out.write(format!("{n}\n"))? == Flow::Wait {
//!         out.wait_drain()?;
//!     }
//! }
//! let done = out.end()?; // everything written, the sink flushed and handed back
//! assert_eq!(done.totals.delivered, 588_895);
//! assert!(done.totals.peak < 16 * 1024 + 7); // the mark, and one line
//! assert_eq!(done.totals.waits, done.totals.drains);
//! # Ok::<_, highwater::BoxError>(())
//! ```
//!
//! Write, write, and end with a last line:
//!
//! ```
//! # use highwater::{Flow, Writable};
//! let mut out = Writable::builder().spawn(Vec::new())?;
//! assert_eq!(out.write("first\n")?, Flow::More);
//! assert_eq!(out.write("second\n")?, Flow::More);
//! assert_eq!(out.end_with("last\n")?.sink, b"first\nsecond\nlast\n");
//! # Ok::<_, highwater::BoxError>(())
//! ```
//!
//! # Which one when
//!
//! | you write to | take |
//! | --- | --- |
//! | a file, a pipe, a blocking socket; from threads | [`Writable`] |
//! | a log, with `tracing` | `log::Log`: lossless, or loss by choice and counted |
//! | tokio's files and sockets | `tokio::spawn`, `tokio::open` |
//! | `futures_io::AsyncWrite`, on another executor, or on none | `future::Writable` |
//! | something else, in a runtime of your own | [`Driver`], with a [`Host`] |
//! | the same without an allocator | [`machine`] |
//!
//! Each has its main example at the head of its page.
//!
//! # Floors
//!
//! Each floor uses only those below it. The rules of the stream are on the lowest floor
//! alone.
//!
//! | floor | what is there | feature |
//! | --- | --- | --- |
//! | `log` | a `MakeWriter` for `tracing-subscriber`, over the thread | `tracing` |
//! | `io` | owner and producers as an `io::Write`, a `Sink`, an `AsyncWrite` | `std` (default), `futures`, `tokio` |
//! | `worker` | what moves the data: a thread, a future, a task of tokio | `std`, `futures`, `tokio` |
//! | `handle` | what users hold: [`Builder`], [`Writable`], [`Writer`], and those of `future` | `std`, `futures` |
//! | `stream` | the stream under a lock: what handles and workers do with it | `std` |
//! | `driver` | [`Driver`], [`Host`]: the loop with its chunks, callbacks and ticks | `alloc` |
//! | [`machine`] | the rules: a pure transition function over counts and flags | none |
//!
//! Without features the crate is the machine: `no_std`, no allocator. `bytes`
//! makes a [`Chunk`] of `bytes::Bytes` without a copy; `node` adds Node's quirks;
//! `tracing` adds `log`, a writer for the lines of `tracing-subscriber`.
//!
//! # The contract
//!
//! The rules, numbered, and the invariants that follow from them, by name, are
//! in [`machine`], with the canonical [driving loop](machine#the-driving-loop).
//! The phases of a stream, as [`Snapshot::phase`] shows them:
//!
//! ```text
//!                 ┌──────────── cork ───────────┐
//!                 ▼                             │
//!   opening ─▶ corked ◀──────────────────▶ writable ──┐
//!      │          │           uncork                  │ end (uncorks fully)
//!      └──────────┴──────────────▶ ending ◀───────────┘
//!                                     │ everything written, `_final` through
//!                                     ▼
//!                                 finished ─▶ destroyed ─▶ closed
//!
//!   from every phase before 'finish':   destroy ─▶ destroyed ─▶ closed
//!                                       error ─▶ errored (and closed)
//! ```
//!
//! # Node's names and these
//!
//! | Node | [`Writable`] | [`Driver`] |
//! | --- | --- | --- |
//! | `write()` → `true`, `false` | [`write`](Writable::write) → [`Flow::More`], [`Flow::Wait`] | [`write`](Driver::write) |
//! | `highWaterMark` | [`high_water_mark`](Builder::high_water_mark) | [`Options::with_high_water_mark`](machine::Options::with_high_water_mark) |
//! | `'drain'` | [`wait_drain`](Writable::wait_drain), [`Event::Drain`] | [`machine::Event::Drain`] |
//! | callback of `write()` | [`wait_delivered`](Writable::wait_delivered) a [`position`](Writable::position) | [`Host::callback`] |
//! | `cork()`, `uncork()` | [`cork`](Writable::cork), dropping the guard | [`cork`](Driver::cork), [`uncork`](Driver::uncork) |
//! | `end([chunk])`, `'finish'`, `'close'` | [`end`](Writable::end), [`end_with`](Writable::end_with) | [`end`](Driver::end) |
//! | `destroy([error])` | [`destroy`](Writable::destroy), [`destroy_with`](Writable::destroy_with) | [`destroy`](Driver::destroy) |
//! | `'error'`, `errored` | the errors of all calls, [`Event::Error`] | [`machine::Event::Error`] |
//! | `_write`, `_writev`, `_final`, `_construct`, `_destroy` | the sink, the opener | [`Host`] |
//! | `writableLength`, `writableNeedDrain`, … | [`snapshot`](Writable::snapshot) | [`machine::State`] |
//! | `source.pipe(stream)` | [`pipe`](Writable::pipe) | |
//! | `ERR_STREAM_…` | `code()` of the errors | [`Fault::code`](machine::Fault::code) |
#![cfg_attr(not(feature = "std"), allow(rustdoc::broken_intra_doc_links))]
#![no_std]
#![deny(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]
#![deny(
    clippy::alloc_instead_of_core,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]
#![deny(clippy::indexing_slicing, clippy::incompatible_msrv)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

// The floors, from the lowest up. Each uses only those below it, and no file inside
// imports from this one.

pub mod machine;

#[cfg(feature = "std")]
mod cause;
#[cfg(feature = "alloc")]
mod chunk;
#[cfg(feature = "std")]
mod sync;

#[cfg(feature = "alloc")]
mod driver;

#[cfg(feature = "std")]
mod stream;

#[cfg(feature = "std")]
mod handle;

#[cfg(feature = "std")]
mod worker;

#[cfg(feature = "std")]
mod io;

#[cfg(all(feature = "tracing", not(highwater_loom)))]
pub mod log;

// Beside them, knowing nothing of streams.

#[cfg(feature = "std")]
pub mod sink;

// What users see.

#[cfg(feature = "futures")]
pub mod future;
#[cfg(feature = "tokio")]
pub mod tokio;

#[cfg(feature = "std")]
pub use self::{
    cause::Cause,
    handle::thread::{CorkGuard, Writable, Writer},
    handle::{Builder, OnDrop, PipeError, ThreadOptions},
    io::BlockingWriter,
    stream::{EndError, Event, Finished, Snapshot, Unfinished, WaitError, WriteError},
    worker::SpawnError,
};
#[cfg(feature = "alloc")]
pub use self::{
    chunk::Chunk,
    driver::{Driver, Host, Refused},
};
pub use machine::Flow;

/// The programs of the README must compile.
#[cfg(all(doctest, feature = "tokio", feature = "tracing"))]
#[doc = include_str!("../README.md")]
struct Readme;

/// Any error, for `main` and for examples.
#[cfg(feature = "std")]
pub type BoxError = alloc::boxed::Box<dyn core::error::Error + Send + Sync>;
