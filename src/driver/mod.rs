//! The loop that every stream runs on, and what a runtime implements to use it.
//!
//! - this file: the two sides. [`Driver`] owns what the machine only counts: the queue
//!   of chunks, the callbacks, and the FIFO of ticks. [`Host`] is the outside.
//! - `calls.rs`: the calls of a producer and the answers of a sink, each one input
//! - `drive.rs`: input, step, effect, continuation
//! - `ticks.rs`: what the stream has deferred
//! - `queue.rs`, `callbacks.rs`: what the driver keeps
//! - `record.rs`: what the driver does, written down for a check

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;

use crate::machine::{Event, Fault, Options, State};

mod callbacks;
mod calls;
mod drive;
mod queue;
#[cfg(highwater_record)]
mod record;
mod ticks;

use callbacks::{Callbacks, Tick};
use queue::Queue;

/// A stream: the machine, its chunks, its callbacks and its ticks, over a [`Host`].
///
/// Calls and answers are methods; each runs to its end before it returns, with
/// everything that user code calls meanwhile. What is deferred waits until
/// [`Driver::run_ticks`], which the owner calls once its own call stack has
/// unwound (after every call from outside, not from within a [`Host`] function).
///
/// ```
/// use highwater::{Driver, Flow, Host};
/// use highwater::machine::{Event, Fault, Options};
///
/// /// Writes lines into a `String`, at once.
/// struct Text(String);
///
/// impl Host for Text {
///     type Chunk = &'static str;
///     type Callback = ();
///
///     fn write(stream: &mut Driver<Self>, chunk: &'static str) {
///         stream.host_mut().0.push_str(chunk);
///         stream.written(Ok(()));
///     }
///     fn event(_: &mut Driver<Self>, _: Event) {}
///     fn callback(_: &mut Driver<Self>, _: (), _: Result<(), Fault>) {}
/// }
///
/// let mut stream = Driver::new(Options::new(), Text(String::new()));
/// assert_eq!(stream.write("hello, ", 7, None), Ok(Flow::More));
/// stream.end(Some(("world", 5)), None).expect("an open stream accepts");
/// stream.run_ticks();
/// assert!(stream.state().is_finished() && stream.state().is_closed());
/// assert_eq!(stream.host().0, "hello, world");
/// ```
///
/// # A host that answers later
///
/// This host starts an operation. An event loop answers when the operation is done. The
/// answer needs the driver, so the host holds a handle to it. The handle is weak,
/// because a strong one would keep both alive for ever. The event loop borrows the
/// driver. A [`Host`] function must not, because the driver is borrowed while it runs.
///
/// ```
/// use highwater::machine::{Event, Fault, Options};
/// use highwater::{Driver, Flow, Host};
/// use std::cell::RefCell;
/// use std::rc::{Rc, Weak};
/// use std::sync::mpsc::{Sender, channel};
///
/// /// What the event loop is to do once an operation is done.
/// type Done = Box<dyn FnOnce()>;
///
/// struct Device {
///     stream: Weak<RefCell<Driver<Device>>>,
///     events: Sender<Done>,
///     text: String,
///     shown: Vec<&'static str>,
/// }
///
/// impl Host for Device {
///     type Chunk = &'static str;
///     type Callback = &'static str;
///
///     fn write(stream: &mut Driver<Self>, chunk: &'static str) {
///         let this = stream.host().stream.clone();
///         let done = move || {
///             let Some(stream) = this.upgrade() else { return };
///             let mut stream = stream.borrow_mut();
///             stream.host_mut().text.push_str(chunk);
///             stream.written(Ok(()));
///             stream.run_ticks();
///         };
///         stream.host().events.send(Box::new(done)).expect("the loop below receives");
///     }
///     fn event(stream: &mut Driver<Self>, event: Event) {
///         if event == Event::Finish {
///             stream.host_mut().shown.push("finish");
///         }
///     }
///     fn callback(stream: &mut Driver<Self>, name: &'static str, _: Result<(), Fault>) {
///         stream.host_mut().shown.push(name);
///     }
/// }
///
/// let (sender, events) = channel::<Done>();
/// let stream = Rc::new_cyclic(|this| {
///     let (stream, events) = (this.clone(), sender);
///     let device = Device { stream, events, text: String::new(), shown: Vec::new() };
///     RefCell::new(Driver::new(Options::new(), device))
/// });
/// assert_eq!(stream.borrow_mut().write("hello, ", 7, Some("first")), Ok(Flow::More));
/// stream.borrow_mut().end(Some(("world", 5)), Some("end")).expect("an open stream accepts");
/// stream.borrow_mut().run_ticks();
/// assert_eq!(stream.borrow().host().text, ""); // nothing is done yet
///
/// while let Ok(done) = events.try_recv() {
///     done(); // may start the next operation
/// }
/// assert_eq!(stream.borrow().host().text, "hello, world");
/// assert_eq!(stream.borrow().host().shown, ["first", "end", "finish"]);
/// ```
///
/// # Several streams
///
/// A runtime of several streams runs the ticks of all of them in one order, Node's:
/// see [`Host::deferred`].
///
/// A [`Host`] function of one stream may act on another. A driver may be moved while
/// one of its functions runs. So if the other stream acts back on the first, the
/// function moves the driver that it has borrowed to where the other finds it, puts
/// another driver in its place ([`core::mem::replace`]), and moves it back before it
/// returns.
pub struct Driver<H: Host> {
    options: Options,
    state: State,
    queue: Queue<H::Chunk, H::Callback>,
    /// Callbacks of what the sink is working on, or of what destroy took back.
    flight: Callbacks<H::Callback>,
    /// How many batches there were.
    batches: u32,
    ticks: VecDeque<Tick<H::Callback>>,
    /// A tick that further callbacks may be joined to was deferred since one ran.
    may_join: bool,
    ends: Vec<H::Callback>,
    accepted: u64,
    #[cfg(highwater_record)]
    record: record::Record,
    host: H,
}

impl<H: Host> fmt::Debug for Driver<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("options", &self.options)
            .field("state", &self.state)
            .field("accepted", &self.accepted)
            .finish_non_exhaustive()
    }
}

/// The outside of a stream: its sink, its hooks, its listeners.
///
/// Every function gets the driver, so it may call back into the stream at once:
/// answer, write, cork, end, destroy. Node allows the same, and the order of
/// everything stays exact. The host itself is [`Driver::host_mut`].
///
/// # Examples
///
/// Write until the stream says wait, and go on at 'drain', from within its handler:
///
/// ```
/// use highwater::machine::{Event, Fault, Options};
/// use highwater::{Driver, Flow, Host};
///
/// #[derive(Default)]
/// struct Numbers {
///     next: u32,
///     text: String,
///     unanswered: bool,
///     drains: u32,
/// }
///
/// fn produce(stream: &mut Driver<Numbers>) {
///     while stream.host().next < 100_000 {
///         stream.host_mut().next += 1;
///         let line = format!("{}\n", stream.host().next);
///         let len = line.len() as u64;
///         if stream.write(line, len, None).expect("it has not ended") == Flow::Wait {
///             return; // the drain handler goes on
///         }
///     }
///     stream.end(None, None).expect("no chunk to be refused");
/// }
///
/// impl Host for Numbers {
///     type Chunk = String;
///     type Callback = ();
///
///     fn write(stream: &mut Driver<Self>, line: String) {
///         stream.host_mut().text.push_str(&line);
///         stream.host_mut().unanswered = true; // answered below
///     }
///     fn write_batch(stream: &mut Driver<Self>, lines: Vec<String>) {
///         stream.host_mut().text.extend(lines);
///         stream.host_mut().unanswered = true;
///     }
///     fn event(stream: &mut Driver<Self>, event: Event) {
///         if event == Event::Drain {
///             stream.host_mut().drains += 1;
///             produce(stream);
///         }
///     }
///     fn callback(_: &mut Driver<Self>, _: (), _: Result<(), Fault>) {}
/// }
///
/// let options = Options::new().with_high_water_mark(1024).with_batches(true);
/// let mut stream = Driver::new(options, Numbers::default());
/// produce(&mut stream);
/// while std::mem::take(&mut stream.host_mut().unanswered) {
///     stream.written(Ok(()));
///     stream.run_ticks();
/// }
/// assert!(stream.state().is_finished());
/// assert_eq!(stream.host().text.len(), 588_895);
/// assert!(stream.host().drains > 500);
/// ```
pub trait Host: Sized {
    /// What is written. The driver never looks into it.
    type Chunk;
    /// What is called when a write or an end is done.
    type Callback;

    /// `_write`: takes a chunk. The host answers with [`Driver::written`], now or later.
    fn write(stream: &mut Driver<Self>, chunk: Self::Chunk);

    /// `_writev`: as [`Host::write`], with at least two chunks. Only called if
    /// [`Options::with_batches`](crate::machine::Options::with_batches) is on.
    ///
    /// A host that takes no batches leaves it out. If the options still ask for batches,
    /// the default loses nothing: it hands each chunk to
    /// [`Host::unsent`], in order, and answers with [`Fault::NotImplemented`]. Unless
    /// `unsent` destroys it, the stream fails with that.
    fn write_batch(stream: &mut Driver<Self>, chunks: Vec<Self::Chunk>) {
        for chunk in chunks {
            Self::unsent(stream, chunk);
        }
        stream.written(Err(Fault::NotImplemented));
    }

    /// Gets each event, in order: what Node's listeners get.
    fn event(stream: &mut Driver<Self>, event: Event);

    /// Calls the callback of a write or of an end.
    fn callback(stream: &mut Driver<Self>, callback: Self::Callback, result: Result<(), Fault>);

    /// Gets a chunk that was accepted and will not be written. Chunks come in the
    /// order in which they were accepted, each before its callback.
    fn unsent(stream: &mut Driver<Self>, chunk: Self::Chunk) {
        let _ = (stream, chunk);
    }

    /// `_construct`: opens the sink. The host answers with [`Driver::constructed`]. Only called if
    /// [`Options::with_construct`](crate::machine::Options::with_construct) is on.
    fn construct(stream: &mut Driver<Self>) {
        stream.constructed(Ok(()));
    }

    /// `_final`: the last thing before 'finish'. The host answers with [`Driver::finalized`]. Only called if
    /// [`Options::with_finalize`](crate::machine::Options::with_finalize) is on.
    fn finalize(stream: &mut Driver<Self>) {
        stream.finalized(Ok(()));
    }

    /// `_destroy`: releases the sink. The host answers with [`Driver::destroyed`]. `error` is what the
    /// stream was destroyed with, `construct` what construction failed with
    /// meanwhile.
    fn destroy(stream: &mut Driver<Self>, error: Option<Fault>, construct: Option<Fault>) {
        stream.destroyed(error.or(construct));
    }

    /// Notifies the runtime: the driver has appended one tick to the FIFO of this
    /// stream. Does nothing by default.
    ///
    /// A runtime of several streams needs it. Node runs what all streams defer in
    /// one FIFO (`process.nextTick`), so the runtime keeps one FIFO of streams:
    /// `deferred` appends this stream at the back, and once the call stack has
    /// unwound, the runtime takes the streams from the front and calls
    /// [`Driver::run_tick`] once for each.
    ///
    /// # The law
    ///
    /// - The driver calls `deferred` once for each tick that it appends: for each
    ///   task of the machine, for each callback of a write that was refused or of an end
    ///   that failed at once, for each [`Driver::defer`]. The first call may come from
    ///   within [`Driver::new`].
    /// - When the driver joins an after-write to one that waits
    ///   ([`Host::same_callback`]), it appends no tick and does not call `deferred`.
    /// - So the number of calls is the number of ticks that have run plus the number
    ///   of ticks that wait. One `run_tick` for each call runs all ticks, and each
    ///   returns true.
    /// - Ticks that run in the order of the calls run in Node's order.
    ///
    /// [`Driver::into_host`] drops the ticks that wait, so the runtime forgets its calls
    /// then. A tick in which a callback panics has run.
    ///
    /// The driver calls `deferred` in the middle of a step. So the function gets the
    /// host alone and cannot act on the stream. It should note the stream's name and
    /// return.
    ///
    /// # Examples
    ///
    /// Two streams write in turn, and their callbacks come in the order of the writes:
    ///
    /// ```
    /// use highwater::machine::{Event, Fault, Options};
    /// use highwater::{Driver, Flow, Host};
    /// use std::sync::mpsc::{Sender, channel};
    ///
    /// /// Answers each write at once.
    /// struct Letters {
    ///     name: usize,
    ///     ticks: Sender<usize>,
    ///     called: Sender<char>,
    /// }
    ///
    /// impl Host for Letters {
    ///     type Chunk = char;
    ///     type Callback = char;
    ///
    ///     fn write(stream: &mut Driver<Self>, _: char) {
    ///         stream.written(Ok(()));
    ///     }
    ///     fn event(_: &mut Driver<Self>, _: Event) {}
    ///     fn callback(stream: &mut Driver<Self>, letter: char, _: Result<(), Fault>) {
    ///         stream.host().called.send(letter).expect("it is received below");
    ///     }
    ///     fn deferred(&mut self) {
    ///         self.ticks.send(self.name).expect("they are run below");
    ///     }
    /// }
    ///
    /// let (to_run, ticks) = channel();
    /// let (to_show, called) = channel();
    /// let mut streams = [0, 1].map(|name| {
    ///     let (ticks, called) = (to_run.clone(), to_show.clone());
    ///     Driver::new(Options::new(), Letters { name, ticks, called })
    /// });
    /// for (name, letter) in [(0, 'a'), (1, 'b'), (0, 'c'), (0, 'e'), (1, 'd')] {
    ///     assert_eq!(streams[name].write(letter, 1, Some(letter)), Ok(Flow::More));
    /// }
    /// while let Ok(name) = ticks.try_recv() {
    ///     assert!(streams[name].run_tick());
    /// }
    /// assert_eq!(called.try_iter().collect::<String>(), "abced");
    /// ```
    fn deferred(&mut self) {}

    /// Whether two callbacks are the same function. Node calls such callbacks of
    /// writes that were answered at once together, in one tick ([rule 10](crate::machine#the-rules)).
    fn same_callback(waiting: &Self::Callback, new: &Self::Callback) -> bool {
        let _ = (waiting, new);
        false
    }
}

/// A chunk that was not accepted, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chunk was refused: {fault}")]
#[allow(clippy::exhaustive_structs)] // a pair
pub struct Refused<C> {
    /// The chunk.
    pub chunk: C,
    /// Why.
    pub fault: Fault,
}
