//! The loop that every stream runs on: input, step, effect, continuation.
//!
//! The driver owns what the machine only counts: the queue of chunks, the
//! callbacks, and the FIFO of ticks. What reaches the outside goes through
//! [`Host`], the one trait that a runtime implements.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::{fmt, mem};

use crate::callbacks::Callbacks;
use crate::host::{Host, Refused};
use crate::machine::{
    Effect, End, Fault, Flow, Input, Measure, Options, Quirks, State, Step, Task, step,
};
use crate::queue::Queue;

mod ticks;
use ticks::Tick;

/// What the current input brought along, until an effect takes it.
struct Held<H: Host> {
    chunk: Option<(H::Chunk, u64)>,
    callbacks: Callbacks<H::Callback>,
    refused: Option<Fault>,
    /// No after-write was counted as waiting before this step.
    joins_uncounted: bool,
}

impl<H: Host> Held<H> {
    const fn nothing() -> Self {
        Self::callbacks(Callbacks::None)
    }

    const fn callbacks(callbacks: Callbacks<H::Callback>) -> Self {
        Self {
            chunk: None,
            callbacks,
            refused: None,
            joins_uncounted: false,
        }
    }
}

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
    host: H,
}

impl<H: Host> Driver<H> {
    /// A stream over this host. Allocates nothing, unless construction is to
    /// be deferred.
    pub fn new(options: Options, host: H) -> Self {
        let mut stream = Self {
            options,
            state: State::new(&options),
            queue: Queue::new(),
            flight: Callbacks::None,
            batches: 0,
            ticks: VecDeque::new(),
            may_join: false,
            ends: Vec::new(),
            accepted: 0,
            host,
        };
        stream.put(Input::Start);
        stream
    }

    /// `write(chunk, [callback])`, of `len` bytes (which object mode ignores).
    ///
    /// # Errors
    ///
    /// The chunk comes back if it was not accepted (rule 1).
    pub fn write(
        &mut self,
        chunk: H::Chunk,
        len: u64,
        callback: Option<H::Callback>,
    ) -> Result<Flow, Refused<H::Chunk>> {
        let measure = Measure {
            len,
            callback: callback.is_some(),
        };
        let mut held = Held {
            chunk: Some((chunk, len)),
            callbacks: Callbacks::from_option(callback),
            refused: None,
            joins_uncounted: false,
        };
        self.drive(Input::Write(measure), &mut held);
        match (held.refused, held.chunk) {
            (Some(fault), Some((chunk, _))) => Err(Refused { chunk, fault }),
            _ => Ok(self.state.answer(&self.options)),
        }
    }

    /// `cork()`: holds what is written from now on, until as many `uncork()`.
    pub fn cork(&mut self) {
        self.put(Input::Cork);
    }

    /// `uncork()`: the last one lets go of what was held.
    pub fn uncork(&mut self) {
        self.put(Input::Uncork);
    }

    /// `end([chunk], [callback])`: no more writes; what is there is still written.
    ///
    /// # Errors
    ///
    /// The chunk comes back if it was not accepted (rule 13); the callback is
    /// told the same.
    pub fn end(
        &mut self,
        chunk: Option<(H::Chunk, u64)>,
        callback: Option<H::Callback>,
    ) -> Result<(), Refused<H::Chunk>> {
        let written = match chunk {
            Some((chunk, len)) => self.write(chunk, len, None).map(|_| ()),
            None => Ok(()),
        };
        let end = End {
            refused: written.as_ref().err().map(|refused| refused.fault),
            callback: callback.is_some(),
        };
        let mut held = Held::callbacks(Callbacks::from_option(callback));
        self.drive(Input::End(end), &mut held);
        written
    }

    /// `destroy([error])`: stops now; what is not written is handed to [`Host::unsent`].
    pub fn destroy(&mut self, error: Option<Fault>) {
        self.put(Input::Destroy(error));
    }

    /// The sink has answered the last [`Host::write`] or [`Host::write_batch`].
    pub fn written(&mut self, result: Result<(), Fault>) {
        self.answer(result, false);
    }

    /// The sink has answered a call that it had answered before (rule 6).
    pub fn written_again(&mut self, result: Result<(), Fault>) {
        self.answer(result, true);
    }

    /// The sink has done so many bytes (or objects) more of what it was given last, and
    /// goes on (rule 24). That may make room: then 'drain' comes now, before its answer. A
    /// report from within [`Host::write`] makes room, too, but 'drain' waits for the next
    /// report or for the answer.
    pub fn progressed(&mut self, done: u64) {
        self.put(Input::Progress(done));
    }

    fn answer(&mut self, result: Result<(), Fault>, again: bool) {
        let callbacks = if self.state.takes_answer(&self.options, again) {
            self.flight.take()
        } else {
            Callbacks::None
        };
        let mut held = Held::callbacks(callbacks);
        self.drive(Input::Written { result, again }, &mut held);
    }

    /// [`Host::construct`] has answered.
    pub fn constructed(&mut self, result: Result<(), Fault>) {
        self.put(Input::Constructed(result));
    }

    /// [`Host::finalize`] has answered.
    pub fn finalized(&mut self, result: Result<(), Fault>) {
        self.put(Input::Finalized(result));
    }

    /// [`Host::destroy`] has answered, perhaps with an error (rule 19).
    pub fn destroyed(&mut self, error: Option<Fault>) {
        self.put(Input::Destroyed(error));
    }

    /// The state of the machine.
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// What the stream was created with.
    pub const fn options(&self) -> &Options {
        &self.options
    }

    /// The host, to act on.
    pub const fn host_mut(&mut self) -> &mut H {
        &mut self.host
    }

    /// The host, to look at.
    pub const fn host(&self) -> &H {
        &self.host
    }

    /// The host, once the stream is no longer wanted. What is queued is dropped.
    pub fn into_host(self) -> H {
        self.host
    }

    /// The position of the stream: bytes (or objects) accepted since it was created.
    pub const fn accepted(&self) -> u64 {
        self.accepted
    }

    fn put(&mut self, input: Input) {
        self.drive(input, &mut Held::nothing());
    }

    /// The loop: input, step, effect, continuation.
    #[inline]
    fn drive(&mut self, input: Input, held: &mut Held<H>) {
        let mut next = self.step(input, held);
        loop {
            if let Some(effect) = next.effect {
                self.perform(effect, held);
            }
            match next.then {
                Some(then) => next = self.step(Input::Resume(then), held),
                None => return,
            }
        }
    }

    #[inline]
    fn step(&mut self, input: Input, held: &mut Held<H>) -> Step {
        held.joins_uncounted = !self.state.counts_after_write();
        step(&mut self.state, &self.options, self.queue.head(), input)
    }

    fn perform(&mut self, effect: Effect, held: &mut Held<H>) {
        match effect {
            Effect::Refuse(fault) => {
                held.refused = Some(fault);
                self.defer_callbacks(held.callbacks.take(), fault);
            }
            Effect::Queue => {
                if let Some((chunk, len)) = self.accept(held) {
                    let callback = held.callbacks.take().next();
                    self.queue.push(chunk, len, callback);
                }
            }
            Effect::WriteGiven => {
                if let Some((chunk, _)) = self.accept(held) {
                    self.flight = held.callbacks.take();
                    H::write(self, chunk);
                }
            }
            Effect::WriteHead => {
                if let Some((chunk, callback)) = self.queue.pop() {
                    self.flight = Callbacks::from_option(callback);
                    H::write(self, chunk);
                }
            }
            Effect::WriteBatch(_) => {
                let (chunks, callbacks) = self.queue.take_all();
                self.batches = self.batches.wrapping_add(1);
                self.flight = Callbacks::Batch(self.batches, callbacks.into());
                H::write_batch(self, chunks);
                if self.options.has(Quirks::WRITEV_LOSES) {
                    self.lose_queue();
                }
            }
            Effect::Construct => H::construct(self),
            Effect::Finalize => H::finalize(self),
            Effect::Destroy { error, construct } => H::destroy(self, error, construct),
            Effect::Emit(event) => H::event(self, event),
            Effect::Callback(result) => self.call(&mut held.callbacks, result),
            Effect::RejectTaken(fault) => {
                let mut callbacks = self.flight.take();
                self.call(&mut callbacks, Err(fault));
            }
            Effect::RejectHead(fault) => {
                if let Some((chunk, callback)) = self.queue.pop() {
                    H::unsent(self, chunk);
                    self.call(&mut Callbacks::from_option(callback), Err(fault));
                }
            }
            Effect::FailHead(fault) => {
                if let Some((chunk, callback)) = self.queue.pop() {
                    let task = Task::WriteFailed {
                        fault,
                        callback: callback.is_some(),
                    };
                    H::unsent(self, chunk);
                    let callbacks = Callbacks::from_option(callback);
                    self.push_tick(Tick::Task(task, callbacks));
                }
            }
            Effect::KeepEnd => self.ends.extend(held.callbacks.take().next()),
            Effect::DeferEnd(fault) => self.defer_callbacks(held.callbacks.take(), fault),
            Effect::CallEnds(result) => {
                for callback in mem::take(&mut self.ends) {
                    H::callback(self, callback, result);
                }
            }
            Effect::Defer(task) => self.defer_task(task, held),
        }
    }

    /// Takes the chunk of this write; it counts from now on.
    fn accept(&mut self, held: &mut Held<H>) -> Option<(H::Chunk, u64)> {
        let (chunk, len) = held.chunk.take()?;
        self.accepted = self.accepted.saturating_add(self.options.measure(len));
        Some((chunk, len))
    }

    /// Calls the next of joined callbacks, or all others.
    fn call(&mut self, callbacks: &mut Callbacks<H::Callback>, result: Result<(), Fault>) {
        let one_by_one = matches!(callbacks, Callbacks::Joined(_));
        while let Some(callback) = callbacks.next() {
            H::callback(self, callback, result);
            if one_by_one {
                return;
            }
        }
    }
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

#[cfg(test)]
mod tests;
