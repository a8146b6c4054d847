//! The stream as every adapter has it, under whatever lock: the driver, what was
//! written on the lease, and what is counted.

use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use super::desk::{Desk, Item};
use super::event::Snapshot;
use crate::machine::{Fault, Options};
use crate::{Cause, Chunk, Driver, Flow, Refused, WaitError, WriteError};

pub(crate) struct Core {
    pub(crate) driver: Driver<Desk>,
    /// Small writes that were accepted on the lease, to be put into the driver as
    /// one chunk before anything else is. It never grows: it has the room of a
    /// [`buffer`](Self::buffer), or none.
    small: Vec<u8>,
    /// How many bytes more may be accepted so, and what is answered.
    /// Invariant: `small.len() + room` is within [`State::lease_to_queue`] and the capacity
    /// of `small`.
    ///
    /// [`State::lease_to_queue`]: crate::machine::State::lease_to_queue
    room: usize,
    answer: Flow,
    /// Buffers that the sink has emptied, for the next small writes: memory that is
    /// known to the processor, and no call of the allocator. Together they have no
    /// more room than the high-water mark and one buffer.
    spare: VecDeque<Vec<u8>>,
    /// The capacity of a buffer for small writes, in bytes.
    buffer: usize,
    /// The worker has let go of the sink and told everything.
    pub(crate) worker_left: bool,
    /// The owner has left, and will not take the sink.
    detached: bool,
    /// How many writes were told to wait.
    waits: u64,
    peak: u64,
    pub(crate) waited: Duration,
    /// The position of the last flush that was put in line.
    flushed_at: u64,
}

/// What every adapter chooses. A producer that comes too late is told so; the
/// others go on.
pub(crate) const OPTIONS: Options = Options::new()
    .with_batches(true)
    .with_finalize(true)
    .with_refusals_fail(false);

/// What is waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Want {
    /// Room; or a 'drain' after so many, even if the room is gone again.
    Drain { before: u64 },
    /// Room.
    Room,
    /// The sink has taken everything up to this position.
    Written(u64),
    /// The sink has done the flush of this number.
    Flushed(u64),
    /// The worker has let go of the sink.
    Left,
}

/// A buffer for small writes has the capacity of the high-water mark, but no more
/// bytes than this.
const MOST_BUFFER: u64 = 64 * 1024;

/// A piece of a piped source is as large as the high-water mark, within these
/// bounds, in bytes.
const PIPE_LEAST: u64 = 4096;
const PIPE_MOST: u64 = 64 * 1024;

/// A piece is as large as the high-water mark, but of so many bytes at least.
const LEAST_PIECE: u64 = 4096;

impl Core {
    pub(crate) fn new(options: Options, desk: Desk) -> Self {
        let limit = options.limit().max(options.high_water_mark());
        let options = options.with_limit(limit);
        let mut driver = Driver::new(options, desk);
        driver.run_ticks();
        let most = options.high_water_mark().min(MOST_BUFFER);
        Self {
            driver,
            small: Vec::new(),
            room: 0,
            answer: Flow::More,
            spare: VecDeque::new(),
            buffer: usize::try_from(most).unwrap_or(usize::MAX),
            worker_left: false,
            detached: false,
            waits: 0,
            peak: 0,
            waited: Duration::ZERO,
            flushed_at: 0,
        }
    }

    /// Does something with the stream: what was accepted on the lease precedes it,
    /// what it defers runs after it, and then there is a new lease.
    pub(crate) fn look<T>(&mut self, f: impl FnOnce(&mut Self) -> T) -> T {
        self.settle();
        let result = f(self);
        self.driver.run_ticks();
        self.lend();
        result
    }

    /// Accepts a small write on the lease. `None` if there is too little of it, and
    /// nothing was done; for no bytes, there is none.
    #[inline]
    pub(crate) fn write_on_lease(&mut self, bytes: &[u8]) -> Option<Flow> {
        if bytes.is_empty() || bytes.len() > self.room {
            return None;
        }
        self.room -= bytes.len();
        self.small.extend_from_slice(bytes);
        self.waits += u64::from(self.answer == Flow::Wait);
        Some(self.answer)
    }

    /// The same, for somebody who waits for room.
    #[inline]
    pub(crate) fn write_if_room(&mut self, bytes: &[u8]) -> bool {
        self.answer == Flow::More && self.write_on_lease(bytes).is_some()
    }

    /// How many bytes are in the stream, those on the lease included.
    pub(crate) fn backlog(&self) -> u64 {
        self.driver.state().length() + self.small.len() as u64
    }

    /// Puts what was accepted on the lease into the driver.
    fn settle(&mut self) {
        if self.small.is_empty() {
            return;
        }
        // No chunk keeps more than twice the memory that it needs.
        let small = if self.small.len() < self.buffer / 2 {
            let small = self.small.to_vec();
            self.small.clear();
            small
        } else {
            mem::take(&mut self.small)
        };
        // Those who wrote it have their answer.
        let waits = self.waits;
        let written = self.write(small.into());
        debug_assert!(written.is_ok(), "{written:?}");
        self.waits = waits;
    }

    /// A new lease, once everything is settled, if there is a buffer at hand.
    fn lend(&mut self) {
        if self.small.capacity() == 0 {
            self.small = self.spare.pop_front().unwrap_or_default();
        }
        let lease = self.driver.state().lease_to_queue(self.driver.options());
        self.answer = lease.answer;
        let most = usize::try_from(lease.len).unwrap_or(usize::MAX);
        let most = most.min(self.small.capacity());
        self.room = most.saturating_sub(self.small.len());
    }

    /// Touched at once (zeroes might not be), so that not every forty-first of the
    /// writes that follow waits for the system to find a page of memory.
    fn new_buffer(&self) -> Vec<u8> {
        let mut buffer = vec![u8::MAX; self.buffer];
        buffer.clear();
        buffer
    }

    /// Takes what the sink is done with. What is not a buffer of the stream's own
    /// stays there, to be dropped outside the lock.
    pub(crate) fn recycle(&mut self, done: &mut VecDeque<Item>) {
        for item in done {
            match item {
                Item::Data(chunk) if chunk.capacity() == Some(self.buffer) => {
                    let has = self.buffer as u64 * self.spare.len() as u64;
                    if has > self.driver.options().high_water_mark() {
                        return;
                    }
                    let mut buffer = mem::replace(chunk, "".into()).into_vec();
                    buffer.clear();
                    self.spare.push_back(buffer);
                }
                _ => {}
            }
        }
    }

    /// Writes these bytes, copied once: on the lease, if there is any now.
    pub(crate) fn write_copy(&mut self, bytes: &[u8]) -> Result<Flow, WriteError> {
        let lease = self.driver.state().lease_to_queue(self.driver.options());
        if bytes.len() as u64 <= lease.len.min(self.buffer as u64) {
            self.lend();
            if self.small.capacity() == 0 {
                self.small = self.new_buffer();
                self.lend();
            }
            if let Some(flow) = self.write_on_lease(bytes) {
                return Ok(flow);
            }
        }
        let written = self.write(bytes.to_vec().into());
        written.map_err(|error| error.map(drop))
    }

    /// Writes a piece of these bytes, for somebody who has waited for room; how much.
    pub(crate) fn write_piece(&mut self, bytes: &[u8]) -> Result<usize, WriteError> {
        let options = self.driver.options();
        let left = options.limit().saturating_sub(self.driver.state().length());
        let most = options.high_water_mark().max(LEAST_PIECE).min(left).max(1);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let piece = bytes.get(..most).unwrap_or(bytes);
        // Told to wait, it does so in its next call.
        self.write_copy(piece).map(|_| piece.len())
    }

    /// How large the pieces of a piped source are, in bytes.
    pub(crate) fn pipe_size(&self) -> usize {
        let options = self.driver.options();
        let size = options.high_water_mark().clamp(PIPE_LEAST, PIPE_MOST);
        let size = size.min(options.limit()).max(1);
        usize::try_from(size).unwrap_or(usize::MAX)
    }

    pub(crate) fn write(&mut self, chunk: Chunk) -> Result<Flow, WriteError<Chunk>> {
        let len = chunk.len() as u64;
        match self.driver.write(Item::Data(chunk), len, None) {
            Ok(flow) => {
                self.peak = self.peak.max(self.driver.state().length());
                self.waits += u64::from(flow == Flow::Wait);
                Ok(flow)
            }
            Err(refused) => Err(self.refused(refused)),
        }
    }

    /// Ends the stream, after this last chunk if there is one.
    pub(crate) fn end(&mut self, chunk: Option<Chunk>) -> Result<(), WriteError<Chunk>> {
        if let Some(chunk) = chunk {
            // By itself, so that a chunk that is refused uncorks nobody.
            let len = chunk.len() as u64;
            let written = self.driver.write(Item::Data(chunk), len, None);
            let _flow = written.map_err(|refused| self.refused(refused))?;
            self.peak = self.peak.max(self.driver.state().length());
        }
        // Without a chunk, nothing can be refused.
        let _ = self.driver.end(None, None);
        Ok(())
    }

    /// Destroys the stream, if nothing has yet; else the reason comes back, to
    /// be dropped outside the lock.
    pub(crate) fn destroy(&mut self, reason: Option<Cause>) -> Option<Cause> {
        if self.driver.state().is_destroyed() {
            return reason;
        }
        let fault = reason.map(|cause| self.driver.host_mut().file(cause));
        self.driver.destroy(fault);
        None
    }

    /// Puts a flush in line, or joins the last one if nothing was written since and
    /// it is not done. Its number, or why not.
    pub(crate) fn flush(&mut self) -> Result<u64, WaitError> {
        let (desk, accepted) = (self.driver.host(), self.driver.accepted());
        let waits = desk.flushed < desk.flushes && self.flushed_at == accepted;
        if waits && self.stopped().is_none() {
            return Ok(desk.flushes);
        }
        match self.driver.write(Item::Flush, 0, None) {
            Ok(_) => {
                let desk = self.driver.host_mut();
                desk.flushes += 1;
                self.flushed_at = accepted;
                Ok(desk.flushes)
            }
            Err(_) => Err(self.stopped().unwrap_or(WaitError::Destroyed)),
        }
    }

    pub(crate) fn refused(&self, refused: Refused<Item>) -> WriteError<Chunk> {
        let chunk = match refused.chunk {
            Item::Data(chunk) => chunk,
            Item::Flush => Chunk::from(""),
        };
        match (refused.fault, self.failure()) {
            (Fault::TooLong, _) => WriteError::TooLong {
                chunk,
                limit: self.driver.options().limit(),
            },
            (_, Some(cause)) => WriteError::Failed { chunk, cause },
            (Fault::WriteAfterEnd, None) => WriteError::AfterEnd { chunk },
            (_, None) => WriteError::Destroyed { chunk },
        }
    }

    /// The worker leaves; whether nobody will take the sink from it.
    pub(crate) fn worker_leaves(&mut self) -> bool {
        self.worker_left = true;
        self.detached
    }

    /// The owner leaves; whether the worker has left before.
    pub(crate) fn owner_leaves(&mut self) -> bool {
        self.detached = true;
        self.worker_left
    }

    /// Why the stream has failed, if it has.
    pub(crate) fn failure(&self) -> Option<Cause> {
        let errored = self.driver.state().errored();
        errored.map(|fault| self.driver.host().cause(fault))
    }

    /// Why nothing more can be written, if nothing can.
    pub(crate) fn stopped(&self) -> Option<WaitError> {
        let state = self.driver.state();
        if let Some(cause) = self.failure() {
            Some(WaitError::Failed(cause))
        } else if state.is_ended() {
            Some(WaitError::Ended)
        } else if state.is_destroyed() {
            Some(WaitError::Destroyed)
        } else {
            None
        }
    }

    /// Why a chunk of a piped source was refused just now.
    pub(crate) fn why_refused(&self) -> Cause {
        match self.stopped() {
            Some(WaitError::Failed(cause)) => cause,
            Some(WaitError::Ended) => Cause::Fault(Fault::WriteAfterEnd),
            Some(_) => Cause::Fault(Fault::Destroyed),
            None => Cause::Fault(Fault::TooLong),
        }
    }

    /// Whether the stream has finished; if not, why.
    pub(crate) fn finished(&self) -> Result<(), Cause> {
        match self.failure() {
            Some(cause) => Err(cause),
            None if self.driver.state().is_finished() => Ok(()),
            None => Err(Cause::Fault(Fault::Destroyed)),
        }
    }

    /// What somebody who waits for this finds, if it is to be found yet.
    pub(crate) fn found(&self, want: Want) -> Option<Result<(), WaitError>> {
        let desk = self.driver.host();
        match want {
            Want::Drain { before } if desk.drains != before => Some(Ok(())),
            Want::Drain { .. } | Want::Room => match self.stopped() {
                Some(error) => Some(Err(error)),
                None => self.has_room().then_some(Ok(())),
            },
            Want::Written(position) if position > self.driver.accepted() => {
                let accepted = self.driver.accepted();
                Some(Err(WaitError::NotAccepted { position, accepted }))
            }
            Want::Written(position) => self.settled(desk.delivered >= position),
            Want::Flushed(number) => self.settled(desk.flushed >= number),
            Want::Left => self.worker_left.then_some(Ok(())),
        }
    }

    fn settled(&self, reached: bool) -> Option<Result<(), WaitError>> {
        if reached {
            Some(Ok(()))
        } else if let Some(cause) = self.failure() {
            Some(Err(WaitError::Failed(cause)))
        } else if self.driver.state().is_destroyed() {
            Some(Err(WaitError::Destroyed))
        } else {
            None
        }
    }

    /// A wait for 'drain' that begins now.
    pub(crate) fn drain(&self) -> Want {
        let before = self.driver.host().drains;
        Want::Drain { before }
    }

    /// There is room, and no 'drain' is to come.
    pub(crate) fn has_room(&self) -> bool {
        let state = self.driver.state();
        state.has_room(self.driver.options()) && !state.needs_drain()
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let (state, options) = (self.driver.state(), self.driver.options());
        let desk = self.driver.host();
        Snapshot {
            phase: state.phase(),
            length: state.length(),
            in_flight: state.in_flight(),
            high_water_mark: options.high_water_mark(),
            low_water_mark: options.low_water_mark(),
            needs_drain: state.needs_drain(),
            corked: state.corked(),
            queued: state.queued(),
            accepted: self.driver.accepted(),
            written: desk.delivered,
            waits: self.waits,
            drains: desk.drains,
            peak: self.peak,
            waited: self.waited,
        }
    }
}
