//! The face of a driver: the calls of a producer, the answers of a sink, and what
//! can be read.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::callbacks::Callbacks;
use super::drive::Held;
use super::queue::Queue;
use super::{Driver, Host, Refused};
use crate::machine::{End, Fault, Flow, Input, Measure, Options, State};

impl<H: Host> Driver<H> {
    /// Makes a stream over this host. It allocates nothing, unless the options ask for
    /// [construction](Options::with_construct).
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
            #[cfg(highwater_record)]
            record: super::record::Record::new(&options),
            host,
        };
        stream.put(Input::Start);
        stream
    }

    /// `write(chunk, [callback])`, of `len` bytes (which object mode ignores).
    ///
    /// # Errors
    ///
    /// The chunk comes back if it was not accepted ([rule 1](crate::machine#the-rules)).
    #[inline]
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
            ..Held::callbacks(Callbacks::from_option(callback))
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
    /// The chunk comes back if it was not accepted ([rule 13](crate::machine#the-rules)); the callback
    /// gets the same fault.
    pub fn end(
        &mut self,
        chunk: Option<(H::Chunk, u64)>,
        callback: Option<H::Callback>,
    ) -> Result<(), Refused<H::Chunk>> {
        #[cfg(highwater_record)]
        if chunk.is_some() && callback.is_none() {
            self.record.note(format_args!("end"));
        }
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

    /// `destroy([error])`: stops now. [`Host::unsent`] gets what is not written.
    pub fn destroy(&mut self, error: Option<Fault>) {
        self.put(Input::Destroy(error));
    }

    /// Reports that the sink has answered the last [`Host::write`] or [`Host::write_batch`].
    pub fn written(&mut self, result: Result<(), Fault>) {
        self.answer(result, false);
    }

    /// Reports that the sink has answered a call that it had answered before ([rule 6](crate::machine#the-rules)).
    pub fn written_again(&mut self, result: Result<(), Fault>) {
        self.answer(result, true);
    }

    /// Reports that the sink has done this many bytes (or objects) more of what it got last, and
    /// goes on ([rule 24](crate::machine#the-rules)). That may make room: then 'drain' comes now,
    /// before its answer. A report from within [`Host::write`] also makes room, but 'drain' waits
    /// for the next report or for the answer.
    pub fn progressed(&mut self, done: u64) {
        self.put(Input::Progress(done));
    }

    /// Reports that [`Host::construct`] has answered.
    pub fn constructed(&mut self, result: Result<(), Fault>) {
        self.put(Input::Constructed(result));
    }

    /// Reports that [`Host::finalize`] has answered.
    pub fn finalized(&mut self, result: Result<(), Fault>) {
        self.put(Input::Finalized(result));
    }

    /// Reports that [`Host::destroy`] has answered, perhaps with an error ([rule 19](crate::machine#the-rules)).
    pub fn destroyed(&mut self, error: Option<Fault>) {
        self.put(Input::Destroyed(error));
    }

    /// Returns the state of the machine.
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Returns what the stream was created with.
    pub const fn options(&self) -> &Options {
        &self.options
    }

    /// Returns the host, to change it.
    pub const fn host_mut(&mut self) -> &mut H {
        &mut self.host
    }

    /// Returns the host, to read it.
    pub const fn host(&self) -> &H {
        &self.host
    }

    /// Takes the stream apart and returns the host. What is queued is dropped.
    pub fn into_host(self) -> H {
        self.host
    }

    /// Returns the position of the stream: bytes (or objects) accepted since it was created.
    pub const fn accepted(&self) -> u64 {
        self.accepted
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
}
