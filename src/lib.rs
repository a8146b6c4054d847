//! The writable stream of Node.js for Rust: `write()` accepts bytes at once and tells you
//! when to stop, and a worker moves them into a file, a socket or a log.
//!
//! Use it when your sink is slower than your producer. You get bounded memory, errors that
//! keep their cause, and a known end: what was delivered, what was not, and the sink back.
//!
//! Three words of Node's. A stream is full when its bytes reach the *high-water mark*:
//! [`write`](Writable::write) still accepts, and returns [`Flow::Wait`]. *'drain'* is the
//! moment when a full stream has room again. A *cork* holds back what is written; when it is
//! pulled, all of that goes to the sink together.
//!
//! The [guide] begins with problems: [backpressure in five minutes](guide::why),
//! [recipes](guide::recipes) (a file, a [log](guide::recipes::log), a
//! [CSV download in axum](guide::recipes::axum_body), a [journal](guide::recipes::journal), …),
//! [moving from](guide::moving_from) a channel, tracing-appender, `duplex` or Node,
//! [errors](guide::errors), [shutdown](guide::shutdown).
//!
//! # Write until the stream says wait, go on at 'drain'
//!
//! A thread:
//!
//! ```
//! use highwater::{Flow, Writable};
//! use std::fs::File;
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("numbers.txt");
//! let mut out = Writable::builder()
//!     .high_water_mark(16 * 1024)
//!     .spawn_with(|| File::create(path))?; // a background thread opens it, and writes
//!
//! for n in 1..=100_000 {
//!     if out.write(format!("{n}\n"))? == Flow::Wait {
//!         out.drained().wait()?;
//!     }
//! }
//! let finished = out.end().wait()?; // everything written, the sink flushed and handed back
//! assert_eq!(finished.totals.delivered, 588_895);
//! assert!(finished.totals.peak < 16 * 1024 + 7); // the mark, and one line
//! assert_eq!(finished.totals.waits, finished.totals.drains);
//! # Ok::<_, highwater::BoxError>(())
//! ```
//!
//! A task, with the feature `tokio`:
//!
//! ```
//! use highwater::{Flow, Writable};
//! use tokio::fs::File;
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("numbers.txt");
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let mut out = Writable::builder()
//!     .high_water_mark(16 * 1024)
//!     .spawn_tokio_with(File::create(path))?; // a task of tokio opens it, and writes
//!
//! for n in 1..=100_000 {
//!     if out.write(format!("{n}\n"))? == Flow::Wait {
//!         out.drained().await?;
//!     }
//! }
//! let finished = out.end().await?; // as above; a polled sink is closed as well
//! assert_eq!(finished.totals.delivered, 588_895);
//! assert!(finished.totals.peak < 16 * 1024 + 7);
//! # Ok::<_, highwater::BoxError>(())
//! # })?;
//! # Ok::<_, highwater::BoxError>(())
//! ```
//!
//! [`send`](Writable::send) is the short form: `out.send(line).wait()?`, or
//! `out.send(line).await?`, waits for room and then writes.
//!
//! # Write, write, and end with a last line
//!
//! A thread:
//!
//! ```
//! # use highwater::{Flow, Writable};
//! let mut out = Writable::builder().spawn(Vec::new())?;
//! assert_eq!(out.write("first\n")?, Flow::More);
//! assert_eq!(out.write("second\n")?, Flow::More);
//! assert_eq!(out.end_with("last\n").wait()?.sink, b"first\nsecond\nlast\n");
//! # Ok::<_, highwater::BoxError>(())
//! ```
//!
//! A task:
//!
//! ```
//! # use highwater::{Flow, Writable};
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let mut out = Writable::builder().spawn_tokio(Vec::new())?;
//! assert_eq!(out.write("first\n")?, Flow::More);
//! assert_eq!(out.write("second\n")?, Flow::More);
//! assert_eq!(out.end_with("last\n").await?.sink, b"first\nsecond\nlast\n");
//! # Ok::<_, highwater::BoxError>(())
//! # })?;
//! # Ok::<_, highwater::BoxError>(())
//! ```
//!
//! # Pipe a source
//!
//! A thread:
//!
//! ```
//! # use highwater::Writable;
//! use std::io::Read;
//!
//! let out = Writable::builder().spawn(Vec::new())?;
//! let source = std::io::repeat(b'x').take(1_000_000); // any `io::Read`
//! assert_eq!(out.pipe(source)?.sink.len(), 1_000_000);
//! # Ok::<_, highwater::BoxError>(())
//! ```
//!
//! A task:
//!
//! ```
//! # use highwater::Writable;
//! use tokio::io::AsyncReadExt;
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let out = Writable::builder().spawn_tokio(Vec::new())?;
//! let source = tokio::io::repeat(b'x').take(1_000_000); // any `AsyncRead` of tokio
//! assert_eq!(out.pipe_tokio(source).await?.sink.len(), 1_000_000);
//! # Ok::<_, highwater::BoxError>(())
//! # })?;
//! # Ok::<_, highwater::BoxError>(())
//! ```
//!
//! # Which one when
//!
//! | you write | take | feature |
//! | --- | --- | --- |
//! | to a file, a pipe, a blocking socket | a thread: [`spawn`](Builder::spawn) | `std` (default) |
//! | to a pipe or a socket that does not block | the same, over [`sink::WaitReady`] | `std` |
//! | to sockets and files of tokio | a task of tokio: [`spawn_tokio`](Builder::spawn_tokio) | `tokio` |
//! | to a `futures_io::AsyncWrite`, on any executor | a future: [`pair`](Builder::pair) | `futures` |
//! | a body of HTTP, a stream of `Bytes`, another reader | a body: [`body`](Builder::body) | `futures`, `http-body` |
//! | to a file, and want to know what is on disk | any of these over [`sink::Durable`], or [`sink::AsyncDurable`], with [`group_commit`](Builder::group_commit) | `std`, `tokio` |
//! | log lines, with `tracing` | [`log::Log`]: lossless, or loss by choice and counted; over [`sink::RollingFile`], or [`sink::Reopen`] for logrotate | `tracing` |
//! | in a runtime of your own | [`Driver`], with a [`Host`] | `alloc` |
//! | without an allocator | [`machine`] | none |
//!
//! The handle is the same for each worker, and any producer works with any of them: a thread
//! may wait for a stream that a task moves, and a task may await one that a thread moves.
//!
//! # Who moves the data
//!
//! A *worker* moves the data from the stream to the sink. It alone calls the sink and the
//! observer. The [`Builder`] makes it:
//!
//! | | a thread | a future, [`Worker`] | a task of tokio | the reader, [`Body`] |
//! | --- | --- | --- | --- | --- |
//! | made by | [`spawn`](Builder::spawn), [`spawn_with`](Builder::spawn_with) | [`pair`](Builder::pair), [`pair_with`](Builder::pair_with) | [`spawn_tokio`](Builder::spawn_tokio), [`spawn_tokio_with`](Builder::spawn_tokio_with), [`spawn_tokio_on`](Builder::spawn_tokio_on) | [`body`](Builder::body) |
//! | feature | `std` (default) | `futures` | `tokio` | `futures`, `http-body` |
//! | the sink | any [`io::Write`](std::io::Write) that is [`Send`] | any `AsyncWrite` of `futures-io`, also one that is not `Send` | any `AsyncWrite` of tokio that is `Send` | none: a server polls the body, or your own code |
//! | at the end the sink is | flushed | flushed, then closed | flushed, then shut down | the body has ended |
//! | the owner is dropped without an end | ends the stream, and blocks until it has finished; [`on_drop`](Builder::on_drop) chooses otherwise | ends the stream and returns; the worker goes on while it is polled; [`discard_on_drop`](Builder::discard_on_drop) chooses otherwise | the same; the worker goes on while the runtime runs | the reader gets an error: what is cut off never looks whole |
//! | the worker is dropped | cannot happen | the stream fails with [`Cause::WorkerDropped`] | the runtime does it when it shuts down: the same | the stream fails with [`Cause::ReaderLeft`], unless the reader had everything |
//! | the program exits | what is not delivered is lost without an error: end the stream, or drop the owner, first | the same: only the end, awaited, is sure | the same | the same |
//! | *delivered* means | `write` of the sink has returned and took the bytes | `poll_write` of the sink took them | the same; a sink that buffers, as `tokio::fs::File` does, may still have them | the reader came back for the next chunk, or for the end |
//! | [`WouldDeadlock`](WaitError::WouldDeadlock) | a wait on the worker's thread: in the sink, the opener, the observer, a panic hook | a wait within a poll of the worker, or within its drop | the same | a wait within a poll of the body, or within its drop |
//! | [`Snapshot::waited`] measures | the waits of threads, by `wait` | the same; not those of tasks, by `.await` | the same | the same |
//!
//! So a handle over tokio promises less than one over a thread. If the owner is dropped and the
//! runtime shuts down before the worker has finished, what is left is lost. The
//! [observer](Builder::observer) gets the error, with the number of bytes, and so does a wait
//! of a [`Writer`] for [`closed`](Writer::closed). Without either, no caller gets it. Await
//! [`end`](Writable::end) before the runtime shuts down, and nothing is lost.
//!
//! *Delivered* is what the sink has taken, and a sink may buffer by itself: `BufWriter` does,
//! and so does `tokio::fs::File`. Then [`delivered`](Writable::delivered), `totals.delivered`
//! and what [`destroy`](Writable::destroy) does not hand back are not in the file yet. If the
//! disk is full, a [`flush`](Writable::flush) and the [`end`](Writable::end) return that error;
//! after a `destroy` no call returns it. So wait for a `flush` where the bytes have to be in
//! the file, or take a thread over `std::fs::File`, which buffers nothing.
//!
//! *Delivered* is not *durable* either: for that, a flush of [`sink::Durable`] is a sync.
//!
//! A chunk of `Bytes` (feature `bytes`) is not copied, so a small slice keeps its whole buffer in
//! memory until it is delivered. [`Chunk`] says how much memory others hold.
//!
//! # Dropping
//!
//! | value | dropping it |
//! | --- | --- |
//! | [`Writable`] over a thread | ends the stream and blocks until it has finished, or does what [`OnDrop`] says; on the worker's own stack it destroys the stream, since it cannot wait there |
//! | [`Writable`] over a future or a task | ends the stream and returns; with [`discard_on_drop`](Builder::discard_on_drop) it destroys the stream |
//! | [`Writable`] over a body | cuts the body off: its reader gets an error |
//! | [`End`], before its end | the same as dropping the owner; over a body the stream goes on ending |
//! | [`Destroy`] | drops what was not sent and returns; the worker drops the sink as soon as it lets go of it |
//! | the future of [`pipe_async`](Writable::pipe_async), [`pipe_tokio`](Writable::pipe_tokio) | destroys the stream, since half a source is no end; after the end of the source, the same as dropping the owner |
//! | [`Wait`] | gives up the wait, nothing else: a flush stays in line |
//! | [`Sending`] | drops the chunk if the stream has not accepted it; [`into_chunk`](Sending::into_chunk) gives it back |
//! | [`CorkGuard`] | pulls the cork, also when a panic drops it |
//! | [`Writer`], [`BlockingWriter`] | nothing: only the owner ends the stream; over a body, one that was made before a panic and is dropped by it cuts the body off |
//! | [`Worker`], before the stream is closed | the stream fails with [`Cause::WorkerDropped`]: waiters and observer get it, `end` and `destroy` hand back the sink and what was not sent |
//! | [`Body`], before its reader had everything | the stream fails with [`Cause::ReaderLeft`]: waiters and observer get it, `end` and `destroy` hand back what was not delivered |
//!
//! A [`log::Log`] is dropped as a `Writable` over a thread, its writers as a `Writer`.
//!
//! ```
//! use futures::{executor::block_on, io::Cursor};
//! use highwater::{Cause, WaitError, Worker, Writable};
//!
//! fn full() -> Result<(Writable<Cursor<Vec<u8>>>, Worker<Cursor<Vec<u8>>>), highwater::BoxError> {
//!     let (mut out, worker) = Writable::builder().high_water_mark(4).pair(Cursor::default());
//!     out.cork()?.write("full")?; // `CorkGuard`: the cork is pulled
//!     Ok((out, worker))
//! }
//!
//! let (out, worker) = full()?;
//! let writer = out.writer();
//! drop(writer.send("more")); // `Sending`: the stream has not accepted the chunk
//! drop(writer.flush()); // `Wait`: the flush stays in line
//! drop(writer.clone()); // `Writer`: nothing
//! drop(out.end()); // `End`: as the owner, the stream goes on ending
//! block_on(worker);
//! writer.closed().wait()?; // it has finished
//! assert_eq!(writer.snapshot().delivered, 4);
//!
//! let (out, worker) = full()?;
//! let writer = out.writer();
//! drop(out); // `Writable`: the stream goes on ending
//! block_on(worker);
//! assert_eq!(writer.snapshot().delivered, 4);
//!
//! let (out, worker) = full()?;
//! let writer = out.writer();
//! drop(out.destroy()); // `Destroy`: what was not sent is dropped
//! block_on(worker);
//! assert!(matches!(writer.closed().wait(), Err(WaitError::Destroyed)));
//! assert_eq!(writer.snapshot().delivered, 0);
//!
//! let (out, worker) = full()?;
//! let writer = out.writer();
//! drop(out.pipe_async(&b"a source"[..])); // a pipe: half a source is no end
//! block_on(worker);
//! assert!(matches!(writer.closed().wait(), Err(WaitError::Destroyed)));
//!
//! let (out, worker) = full()?;
//! drop(worker); // `Worker`: the stream fails
//! let unfinished = out.destroy().wait()?;
//! assert!(matches!(unfinished.cause, Some(Cause::WorkerDropped { undelivered: 4 })));
//! assert_eq!(unfinished.unsent.len(), 1);
//! # Ok::<_, highwater::BoxError>(())
//! ```
//!
//! # Cancelling
//!
//! The waits borrow nothing, and each may be dropped at any `.await`, as in a `select!`. What
//! acts, acts at the call: [`end`](Writable::end), [`destroy`](Writable::destroy),
//! [`flush`](Writable::flush), and [`send`](Writable::send) if there is room. Dropping the
//! value never takes that back.
//!
//! To stop waiting and keep the value, poll `&mut value`, or call its `wait_timeout`: it can be
//! waited for again. An [`End`] that takes too long can be [destroyed](End::destroy), and a
//! [`Destroy`] that takes too long can be [given up](Destroy::give_up):
//!
//! ```
//! use highwater::{EndError, Writable};
//! use std::time::Duration;
//!
//! let mut out = Writable::builder().spawn(Vec::new())?;
//! let _flow = out.write("a line")?;
//! let mut end = out.end();
//! match end.wait_timeout(Duration::from_secs(5)) {
//!     Err(EndError::TimedOut) => {
//!         let unfinished = end.destroy().wait()?; // waits for the sink's call that runs
//!         println!("{} bytes were delivered", unfinished.totals.delivered);
//!     }
//!     finished => drop(finished?.sink),
//! }
//! # Ok::<_, highwater::BoxError>(())
//! ```
//!
//! Destroying a stream wakes every waiter with an error: [`WaitError::Destroyed`], or the
//! reason of [`destroy_with`](Writable::destroy_with).
//!
//! In a task, do not drop an owner or an [`End`] over a thread: the drop blocks the executor.
//! Await the end, or choose [`OnDrop::Detach`].
//!
//! # A loop that never has to wait
//!
//! While the sink keeps pace, each `.await` of a loop is ready at once. With the feature `tokio`, a
//! task of tokio gives up its turn now and then all the same, as with tokio's own channels: what it
//! awaits takes part in the [budget](https://docs.rs/tokio/1/tokio/task/coop/index.html) of the
//! task. So `timeout` and `select!` around `loop { out.send(line).await? }` work. A
//! [`Sending`] whose chunk went in at the call may give up its turn as well: after a `timeout`,
//! [`into_chunk`](Sending::into_chunk) tells whether the stream has the chunk.
//!
//! On another executor, such a loop never gives up its turn, as with other channels, and neither
//! does a loop that awaits nothing, such as one over [`write`](Writable::write) that only gets
//! [`Flow::More`]. Yield there by hand, every hundred lines for example.
//!
//! # Deadlocks that are not detected
//!
//! A wait on the worker's own stack returns [`WaitError::WouldDeadlock`]. These waits do not
//! end, and return no error:
//!
//! - `wait()` in a task, if the worker runs on the same executor. On one thread the worker
//!   gets no turn. On several threads tokio may have put the worker in line behind the task
//!   that waits. Use `.await` there; call `wait()` in `spawn_blocking`, or on another thread.
//!   (The owner as an [`io::Write`](std::io::Write) waits in the same way.)
//! - A wait for what a cork holds back, by the thread or task that holds the [`CorkGuard`].
//!   The guard itself only writes, but another [`Writer`] of the stream can wait.
//! - A wait for a [`Worker`] that nothing polls.
//! - A wait while the caller holds a lock that the sink or the observer takes.
//! - In a sink or an observer, a wait of an executor (`block_on`) instead of `wait()`.
//! - With the feature `tokio`, `block_on` of another executor in a task of tokio, once the task has
//!   spent its budget. `wait()` needs none.
//!
//! # Features
//!
//! | feature | what it adds |
//! | --- | --- |
//! | none | [`machine`]: the rules, a pure transition function. `no_std`, and no allocator |
//! | `alloc` | [`Driver`] and [`Host`]: the loop with its chunks, callbacks and ticks |
//! | `std` (default) | the handle, a thread over any [`io::Write`](std::io::Write), [`sink`] |
//! | `bytes` | a [`Chunk`] of `bytes::Bytes` without a copy |
//! | `futures` | a future over any `AsyncWrite` of `futures-io`; owner and producers as a `Sink` and an `AsyncWrite`; a body as a `Stream` and an `AsyncRead` |
//! | `tokio` | a task of tokio over its `AsyncWrite`; owner, producers and bodies as those of tokio |
//! | `http-body` | a [`Body`] is one of HTTP: for hyper, axum, reqwest |
//! | `tracing` | [`log`]: a `MakeWriter` for `tracing-subscriber`, over a thread |
//! | `node` | [`Quirks`](machine::Quirks): bug for bug what Node does |
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
//! A [`Writable`] is strict: it keeps the contract in every case. Node breaks it in twelve corner
//! cases, most of them about calls made within a callback. They are the
//! [quirks](machine::Quirks), which a [`Driver`] or a loop of your own switches on with
//! [`Quirks::NODE`](machine::Quirks::NODE) (feature `node`). You need it only in a runtime whose
//! scripts must see what they see in Node: see [moving from Node](guide::moving_from::node).
//!
//! | Node | [`Writable`] | [`Driver`] |
//! | --- | --- | --- |
//! | `write()` → `true`, `false` | [`write`](Writable::write) → [`Flow::More`], [`Flow::Wait`] | [`write`](Driver::write) |
//! | `highWaterMark` | [`high_water_mark`](Builder::high_water_mark) | [`Options::with_high_water_mark`](machine::Options::with_high_water_mark) |
//! | `'drain'` | [`drained`](Writable::drained), [`Event::Drain`] | [`machine::Event::Drain`] |
//! | callback of `write()` | [`delivered`](Writable::delivered) of a [`position`](Writable::position) | [`Host::callback`] |
//! | `cork()`, `uncork()` | [`cork`](Writable::cork), dropping the guard | [`cork`](Driver::cork), [`uncork`](Driver::uncork) |
//! | `end([chunk])`, `'finish'` | [`end`](Writable::end), [`end_with`](Writable::end_with), [`Event::Finish`] | [`end`](Driver::end) |
//! | `'close'`, `finished(stream)` | [`closed`](Writable::closed), [`Event::Close`] | [`machine::Event::Close`] |
//! | `destroy([error])` | [`destroy`](Writable::destroy), [`destroy_with`](Writable::destroy_with) | [`destroy`](Driver::destroy) |
//! | `'error'`, `errored` | the errors of all calls, [`Event::Error`] | [`machine::Event::Error`] |
//! | `_write`, `_writev`, `_final`, `_construct`, `_destroy` | the sink, the opener | [`Host`] |
//! | `writableLength`, `writableNeedDrain`, … | [`snapshot`](Writable::snapshot) | [`machine::State`] |
//! | `source.pipe(stream)` | [`pipe`](Writable::pipe), [`pipe_async`](Writable::pipe_async), [`pipe_tokio`](Writable::pipe_tokio) | |
//! | `ERR_STREAM_…` | `code()` of the errors | [`Fault::code`](machine::Fault::code) |
// The pages link to what is behind features: without all of them some links lead nowhere.
#![cfg_attr(
    not(all(
        feature = "http-body",
        feature = "node",
        feature = "tokio",
        feature = "tracing"
    )),
    allow(rustdoc::broken_intra_doc_links)
)]
#![cfg_attr(docsrs, feature(doc_cfg), doc(auto_cfg(hide(highwater_loom))))]
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

#[cfg(doc)]
pub mod guide;

// What users see.

#[cfg(feature = "std")]
pub use self::{
    cause::Cause,
    handle::{AnyWorker, Builder, OnDrop, ThreadOptions},
    handle::{CorkGuard, Writable, Writer},
    handle::{Destroy, End, EndError, PipeError, SendError, Sending, Wait},
    io::BlockingWriter,
    stream::{Event, Finished, Snapshot, Unfinished, WaitError, WriteError},
    worker::SpawnError,
};
#[cfg(feature = "alloc")]
pub use self::{
    chunk::Chunk,
    driver::{Driver, Host, Refused},
};
#[cfg(feature = "futures")]
pub use self::{
    handle::FutureOptions,
    io::BodyReader,
    worker::{Body, Worker},
};
pub use machine::Flow;

/// The programs of the README must compile and run.
#[cfg(all(doctest, feature = "http-body", feature = "tokio", feature = "tracing"))]
#[doc = include_str!("../README.md")]
struct Readme;

/// Any error, for `main` and for examples.
#[cfg(feature = "std")]
pub type BoxError = alloc::boxed::Box<dyn core::error::Error + Send + Sync>;
