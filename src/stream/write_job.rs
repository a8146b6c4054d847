//! A job of writing under way: what the sink gets next, and what it has taken. The
//! worker makes the calls, blocking or not.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::mem;
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

/// A job of writing under way.
#[derive(Debug)]
pub(crate) struct WriteJob {
    /// How many bytes the sink has taken of this job.
    pub(crate) bytes: u64,
    /// Where others find what the sink has taken.
    progress: Arc<Progress>,
    /// What the sink has done that is not there yet, as the answer comes next.
    unpublished: Done,
    /// The sink has flushed since the worker reported last.
    has_flushed: bool,
    /// What it has taken whole: to be dropped when all is accounted for.
    pub(crate) done: VecDeque<Item>,
    /// What it has not taken.
    rest: VecDeque<Item>,
    /// How many bytes of the first of these it has taken: at most its length.
    of_first: usize,
    /// The most chunks that a call gets: at least 1, and 1 for a sink that looks at no more.
    max_slices: usize,
    /// Why it has not taken all, if it failed.
    pub(crate) failure: Option<Cause>,
}

/// What the sink is to be given.
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

impl WriteJob {
    pub(crate) fn new(items: VecDeque<Item>, progress: &Arc<Progress>) -> Self {
        Self {
            bytes: 0,
            progress: Arc::clone(progress),
            unpublished: Done::default(),
            has_flushed: false,
            done: VecDeque::new(),
            rest: items,
            of_first: 0,
            max_slices: MAX_SLICES,
            failure: None,
        }
    }

    /// The same job, with one chunk a call unless `vectored`.
    pub(crate) fn vectored(mut self, vectored: bool) -> Self {
        if !vectored {
            self.max_slices = 1;
        }
        self
    }

    /// What the sink is to be given next: the same until it has been
    /// [booked](Self::book). `None` when all is done.
    pub(crate) fn next(&mut self) -> Option<Call<'_>> {
        self.skip_empty();
        let first = match self.rest.front()? {
            Item::Flush => return Some(Call::Flush),
            Item::Data(chunk) => chunk.as_ref().get(self.of_first..).unwrap_or_default(),
        };
        let first = first.get(..MAX_BYTES).unwrap_or(first);
        if self.max_slices == 1 || !matches!(self.rest.get(1), Some(Item::Data(_))) {
            return Some(Call::Write(first));
        }
        let others = self.rest.iter().skip(1).map_while(|item| match item {
            Item::Data(chunk) => Some(chunk.as_ref()),
            Item::Flush => None,
        });
        let mut slices = alloc::vec![IoSlice::new(first)];
        let mut given = first.len();
        for other in others.take(self.max_slices - 1) {
            if other.len() > MAX_BYTES - given {
                break;
            }
            given += other.len();
            slices.push(IoSlice::new(other));
        }
        Some(Call::WriteVectored { slices, given })
    }

    /// What a reader is to be given next, shared and not copied: the same until it has been
    /// [booked](Self::book). It is a whole chunk, or `None` for a flush. No item when all is
    /// done.
    #[cfg(feature = "futures")]
    pub(crate) fn next_shared(&mut self) -> Option<Option<bytes::Bytes>> {
        self.skip_empty();
        match self.rest.front_mut()? {
            Item::Flush => Some(None),
            Item::Data(chunk) => Some(Some(chunk.share())),
        }
    }

    /// Books what a call of the sink has returned, which was `given` so many bytes: how
    /// many it has taken, or `None` for a flush. An interrupted call is made again.
    pub(crate) fn book(&mut self, given: usize, said: io::Result<Option<usize>>) -> io::Result<()> {
        match said {
            Ok(Some(count)) => self.took(given, count)?,
            Ok(None) => self.flushed(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// The sink says that it took so many of the bytes it was `given`.
    fn took(&mut self, given: usize, count: usize) -> io::Result<()> {
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        if count > given {
            let lie = "the sink says that it took more than it was given";
            return Err(io::Error::other(lie));
        }
        if given > count && self.left_of_first() == Some(count) {
            // `write_vectored` of std does so, if the sink has none of its own.
            self.max_slices = 1;
        }
        self.bytes = self.bytes.saturating_add(count as u64);
        self.unpublished.bytes += count as u64;
        let mut count = count;
        while let Some(left) = self.left_of_first().filter(|left| *left <= count) {
            count -= left;
            self.first_is_done();
        }
        self.of_first += count;
        self.publish();
        Ok(())
    }

    /// The sink has flushed.
    fn flushed(&mut self) {
        self.unpublished.flushes += 1;
        self.has_flushed = true;
        self.first_is_done();
        self.publish();
    }

    /// Shows what is done, unless it is all: then the answer shows it.
    fn publish(&mut self) {
        if !self.rest.is_empty() {
            self.progress.add(mem::take(&mut self.unpublished));
        }
    }

    /// The job is answered: shows the rest of what is done.
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

    /// What the sink has not taken, to the byte.
    pub(crate) fn take_rest(&mut self) -> VecDeque<Item> {
        let of_first = mem::take(&mut self.of_first);
        if let Some(Item::Data(chunk)) = self.rest.front_mut() {
            let whole = mem::replace(chunk, "".into());
            *chunk = whole.skip(of_first);
        }
        mem::take(&mut self.rest)
    }

    /// A chunk of no bytes never reaches the sink: 0 would read as a failure.
    fn skip_empty(&mut self) {
        while self.left_of_first() == Some(0) {
            self.first_is_done();
        }
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
        self.done.extend(self.rest.pop_front());
    }
}
