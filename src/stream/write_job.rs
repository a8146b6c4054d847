//! A job of writing under way: what the sink gets next, and what it has taken. The
//! worker makes the calls, blocking or not.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::{iter, mem};
use std::io::{self, IoSlice};

use super::own_lease::By;
use super::progress::{Done, Progress};
use crate::cause::Cause;
use crate::chunk::Chunk;
use crate::sync::Arc;

/// The most chunks that one call of the sink gets: Linux takes no more.
const MAX_SLICES: usize = 1024;

/// The most bytes that one call of the sink gets: macOS takes no more.
const MAX_BYTES: usize = i32::MAX as usize - 1;

/// What goes through the queue of the stream.
#[derive(Debug)]
pub(crate) enum Item {
    /// Bytes for the sink.
    Data(Chunk),
    /// Flush the sink when everything before this is written. To the machine
    /// it is a chunk of no bytes, so it keeps its place, under corks too.
    Flush,
}

impl Item {
    fn data(&self) -> Option<&[u8]> {
        match self {
            Self::Data(chunk) => Some(chunk.as_ref()),
            Self::Flush => None,
        }
    }
}

/// How the sink is called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Calls {
    /// A call may get several chunks.
    pub(crate) vectored: bool,
    /// A write is a record: each has a call of its own.
    pub(crate) records: bool,
    /// One flush, behind all data of a job, is for all that ask for one.
    pub(crate) group_commit: bool,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            vectored: true,
            records: false,
            group_commit: false,
        }
    }
}

/// A job of writing under way.
#[derive(Debug)]
pub(crate) struct WriteJob {
    /// Where others find what the sink has taken.
    progress: Arc<Progress>,
    /// What the sink has done that is not there yet, as the answer comes next.
    unpublished: Done,
    /// The sink has flushed since the worker reported last.
    has_flushed: bool,
    /// What it has taken whole, in buffers that the stream has lent: they go back with the
    /// answer.
    pub(crate) done: VecDeque<Item>,
    /// What else it has taken whole, for the worker to drop: it may be memory of a user.
    spent: VecDeque<Item>,
    /// What it has not taken.
    /// Invariant: no chunk of no bytes, which a sink would answer as if it could take nothing.
    rest: VecDeque<Item>,
    /// How many bytes of the first of these it has taken: at most its length.
    of_first: usize,
    /// How the sink is called.
    calls: Calls,
    /// The most chunks that a call gets: at least 1, and 1 for a sink that looks at no more.
    max_slices: usize,
    /// Flushes whose data the sink has taken, and that are not done.
    due: u64,
    /// Why the data behind these could not be written.
    failed: Option<io::Error>,
    /// Why it has not taken all, if it failed.
    pub(crate) failure: Option<Cause>,
}

/// What the sink gets.
#[derive(Debug)]
pub(crate) enum Call<'a> {
    /// One chunk, or the rest of one.
    Write(&'a [u8]),
    /// Several, up to the next flush. `given` is how many bytes they have.
    WriteVectored {
        slices: Vec<IoSlice<'a>>,
        given: usize,
    },
    /// Flush.
    Flush,
}

impl Call<'_> {
    /// How many bytes the sink is given.
    pub(crate) fn given(&self) -> usize {
        match self {
            Self::Write(bytes) => bytes.len(),
            Self::WriteVectored { given, .. } => *given,
            Self::Flush => 0,
        }
    }
}

/// What a call of the sink has returned. A sink that takes no bytes has failed: it would be called
/// for ever.
pub(crate) fn heard(said: io::Result<Option<usize>>) -> io::Result<Option<usize>> {
    match said {
        Ok(Some(0)) => Err(io::Error::new(
            io::ErrorKind::WriteZero,
            "the sink took no bytes",
        )),
        said => said,
    }
}

impl WriteJob {
    pub(crate) fn new(items: VecDeque<Item>, progress: &Arc<Progress>, calls: Calls) -> Self {
        Self {
            progress: Arc::clone(progress),
            unpublished: Done::default(),
            has_flushed: false,
            done: VecDeque::new(),
            spent: VecDeque::new(),
            rest: items,
            of_first: 0,
            calls,
            max_slices: match calls.vectored && !calls.records {
                true => MAX_SLICES,
                false => 1,
            },
            due: 0,
            failed: None,
            failure: None,
        }
    }

    /// Begins the next job, once this one is answered, and nothing is left of it.
    #[cfg(feature = "futures")]
    pub(crate) fn restart(&mut self, items: VecDeque<Item>) {
        self.has_flushed = false;
        self.rest = items;
    }

    /// What the sink gets next: the same until it has been
    /// [booked](Self::book). `None` when all is done.
    pub(crate) fn next(&mut self) -> Option<Call<'_>> {
        if self.flush_is_next() {
            return Some(Call::Flush);
        }
        let Some(Item::Data(chunk)) = self.rest.front() else {
            return None;
        };
        let first = chunk.as_ref().get(self.of_first..).unwrap_or_default();
        let first = first.get(..MAX_BYTES).unwrap_or(first);
        let groups = self.calls.group_commit;
        let others = self.rest.iter().skip(1);
        // A group's flushes come behind its data.
        let others = others.filter(|item| !groups || matches!(item, Item::Data(_)));
        let mut others = others
            .map_while(Item::data)
            .take(self.max_slices - 1)
            .peekable();
        if others.peek().is_none() {
            return Some(Call::Write(first));
        }
        let mut slices = alloc::vec![IoSlice::new(first)];
        let mut given = first.len();
        for other in others {
            if other.len() > MAX_BYTES - given {
                break;
            }
            given += other.len();
            slices.push(IoSlice::new(other));
        }
        Some(Call::WriteVectored { slices, given })
    }

    /// Returns what a reader gets next, shared and not copied: the same until it has been
    /// [booked](Self::book). It is a whole chunk, or `None` for a flush. Returns no item when
    /// all is done.
    #[cfg(feature = "futures")]
    pub(crate) fn next_shared(&mut self) -> Option<Option<bytes::Bytes>> {
        if let (Some(Item::Data(chunk)), 0) = (self.rest.front_mut(), self.due) {
            return Some(Some(chunk.share()));
        }
        if self.flush_is_next() {
            return Some(None);
        }
        match self.rest.front_mut()? {
            Item::Data(chunk) => Some(Some(chunk.share())),
            Item::Flush => None,
        }
    }

    /// The reader has taken the chunk that [`next_shared`](Self::next_shared) has returned last, of
    /// this many bytes. The worker drops what comes back: the chunk, unless the stream has lent it.
    #[cfg(feature = "futures")]
    #[inline]
    pub(crate) fn took_shared(&mut self, len: usize) -> Option<Item> {
        let lent = matches!(self.rest.front()?, Item::Data(chunk) if chunk.is_lent());
        let item = self.rest.pop_front();
        self.unpublished.bytes += len as u64;
        self.publish();
        if lent {
            self.done.extend(item);
            return None;
        }
        item
    }

    /// Whether a flush comes next: one for all that stand together, or for all of the job if
    /// it is a group. One that stands before data that could not be written is not lost.
    fn flush_is_next(&mut self) -> bool {
        loop {
            match self.rest.front() {
                Some(Item::Flush) => {
                    self.due += 1;
                    self.first_is_done();
                }
                Some(Item::Data(_)) if self.calls.group_commit && self.failed.is_none() => {
                    return false;
                }
                _ => return self.due > 0,
            }
        }
    }

    /// Books what a call of the sink has returned. It got `given` bytes, and says how many it has
    /// taken, or `None` for a flush. The worker makes an interrupted call again.
    pub(crate) fn book(&mut self, given: usize, said: io::Result<Option<usize>>) -> io::Result<()> {
        let booked = match heard(said) {
            Ok(Some(count)) => self.took(given, count),
            Ok(None) => self.flushed(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error),
        };
        match booked {
            // What was written before is flushed, for the waiters for that.
            Err(error) if given > 0 && self.due > 0 => {
                self.failed = Some(error);
                Ok(())
            }
            // The first error counts.
            Err(error) => Err(self.failed.take().unwrap_or(error)),
            Ok(()) => Ok(()),
        }
    }

    /// The sink says that it took `count` of the `given` bytes.
    fn took(&mut self, given: usize, count: usize) -> io::Result<()> {
        if count > given {
            let lie = "the sink says that it took more than it was given";
            return Err(io::Error::other(lie));
        }
        if given > count && self.left_of_first() == Some(count) {
            // `write_vectored` of std does so, if the sink has none of its own.
            self.max_slices = 1;
        }
        self.unpublished.bytes += count as u64;
        let mut count = count;
        loop {
            match self.rest.front() {
                // Others of the group came before it.
                Some(Item::Flush) if count > 0 => self.due += 1,
                Some(Item::Data(chunk)) if chunk.len() - self.of_first <= count => {
                    count -= chunk.len() - self.of_first;
                }
                _ => break,
            }
            self.first_is_done();
        }
        self.of_first += count;
        self.publish();
        Ok(())
    }

    /// The sink has flushed. Returns why the data behind that could not be written, if it is
    /// so.
    fn flushed(&mut self) -> io::Result<()> {
        self.unpublished.flushes += mem::take(&mut self.due);
        self.has_flushed = true;
        self.publish();
        self.failed.take().map_or(Ok(()), Err)
    }

    /// Shows what is done, unless it is all: then the answer shows it.
    fn publish(&mut self) {
        if !self.rest.is_empty() {
            self.progress.add(mem::take(&mut self.unpublished));
        }
    }

    /// Shows the rest of what is done, if the job ends with a flush that is for all who have
    /// asked for one. Returns how many these were.
    pub(crate) fn publish_group(&mut self) -> Option<u64> {
        let flushes = self.unpublished.flushes;
        if !self.calls.group_commit || self.failure.is_some() || flushes == 0 {
            return None;
        }
        self.publish_all();
        Some(flushes)
    }

    /// Shows the rest of what is done: the job is answered, or is about to be.
    pub(super) fn publish_all(&mut self) {
        self.progress.add(mem::take(&mut self.unpublished));
    }

    /// Whether the stream has stopped the job.
    pub(crate) fn is_stopped(&self) -> bool {
        self.progress.is_stopped()
    }

    /// Whether the job goes on, and the worker should report what is done so far, as a
    /// waiter may wait for it.
    pub(crate) fn is_due(&mut self) -> bool {
        let goes_on = !self.rest.is_empty() && !self.progress.is_stopped();
        goes_on && (mem::take(&mut self.has_flushed) || self.progress.is_due())
    }

    /// Who changes the stream with the answer: a failure changes what the stream answers.
    pub(crate) fn by(&self) -> By {
        match self.failure {
            Some(_) => By::Other,
            None => By::Harmless,
        }
    }

    /// What the sink is done with. The worker drops it before the job goes on, as the stream
    /// has room again for as much.
    pub(crate) fn take_spent(&mut self) -> impl Iterator<Item = Item> {
        iter::from_fn(|| self.spent.pop_front())
    }

    /// All of the job that is left, once it is answered: to be dropped.
    pub(crate) fn take_left(&mut self) -> impl Iterator<Item = Item> {
        iter::from_fn(|| self.spent.pop_front().or_else(|| self.done.pop_front()))
    }

    /// What the sink has not taken, to the byte.
    pub(crate) fn take_rest(&mut self) -> VecDeque<Item> {
        let of_first = mem::take(&mut self.of_first);
        if let Some(Item::Data(chunk)) = self.rest.front_mut() {
            let whole = mem::replace(chunk, "".into());
            *chunk = whole.skip(of_first);
        }
        mem::take(&mut self.rest)
    }

    /// How many bytes of the first item it has not taken, unless that is a flush.
    fn left_of_first(&self) -> Option<usize> {
        match self.rest.front()? {
            Item::Data(chunk) => Some(chunk.len() - self.of_first),
            Item::Flush => None,
        }
    }

    fn first_is_done(&mut self) {
        self.of_first = 0;
        match self.rest.pop_front() {
            Some(Item::Data(chunk)) if chunk.is_lent() => self.done.push_back(Item::Data(chunk)),
            Some(item) => self.spent.push_back(item),
            None => {}
        }
    }
}
