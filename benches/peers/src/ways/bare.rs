//! What a hand-over to a thread costs without any stream: no marks, no events, no
//! acknowledgements, no cause of an error. Not to be used, only to be compared with.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::mem;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::{BUFFER, DEFAULT_MARK, MARK, each_line};
use crate::Failure;

/// Without a lock for each line: the producer fills a buffer of its own.
pub(super) fn exchange(count: u64, path: &Path) -> Result<(), Failure> {
    let (mut out, thread) = Exchange::spawn(File::create(path)?, [MARK / 2; 2])?;
    each_line(count, |line| out.write(line))?;
    out.end(thread)
}

/// At the default mark, by the rule of Node's stream.
pub(super) fn turns(count: u64, path: &Path) -> Result<(), Failure> {
    let (mut out, thread) = Turns::spawn(File::create(path)?, DEFAULT_MARK);
    each_line(count, |line| out.write(line))?;
    out.end(thread)
}

/// Buffers that go round between a producer and a thread. Neither sleeps, so that no wake-up
/// is part of what a turn costs.
pub(super) struct Exchange {
    buffer: Vec<u8>,
    give: Sender<Vec<u8>>,
    empty: Receiver<Vec<u8>>,
}

pub(super) type Writes = JoinHandle<io::Result<()>>;

impl Exchange {
    /// Starts the thread, with buffers of these capacities, in bytes.
    pub(super) fn spawn<const N: usize>(
        sink: impl Write + Send + 'static,
        capacities: [usize; N],
    ) -> Result<(Self, Writes), Failure> {
        let (give, full) = channel();
        let (give_back, empty) = channel();
        for capacity in capacities {
            give_back.send(Vec::with_capacity(capacity))?;
        }
        let thread = write_each(sink, full, give_back);
        let buffer = empty.recv()?;
        let exchange = Self {
            buffer,
            give,
            empty,
        };
        Ok((exchange, thread))
    }

    pub(super) fn write(&mut self, line: &[u8]) -> Result<(), Failure> {
        if self.buffer.len() + line.len() > self.buffer.capacity() {
            self.give.send(mem::take(&mut self.buffer))?;
            self.buffer = next(&self.empty).ok_or("the thread has left")?;
        }
        self.buffer.extend_from_slice(line);
        Ok(())
    }

    pub(super) fn end(self, thread: Writes) -> Result<(), Failure> {
        self.give.send(self.buffer)?;
        drop(self.give);
        Ok(thread.join().map_err(|_| "the writer panicked")??)
    }
}

/// A thread that writes each buffer, and gives it back.
fn write_each(
    mut sink: impl Write + Send + 'static,
    full: Receiver<Vec<u8>>,
    give_back: Sender<Vec<u8>>,
) -> Writes {
    thread::spawn(move || {
        while let Some(mut buffer) = next(&full) {
            sink.write_all(&buffer)?;
            buffer.clear();
            // Once the producer is done, it takes none back.
            let _ = give_back.send(buffer);
        }
        Ok(())
    })
}

/// The rule of Node's stream, and nothing else of it: an idle thread gets a line alone, and what
/// comes meanwhile is gathered. At the mark the producer waits until all is written.
pub(super) struct Turns {
    /// It is with the thread if that is not idle.
    first: Option<Vec<u8>>,
    rest: Vec<u8>,
    mark: usize,
    give: Sender<Vec<u8>>,
    empty: Receiver<Vec<u8>>,
}

impl Turns {
    /// Starts the thread. The mark is in bytes.
    pub(super) fn spawn(sink: impl Write + Send + 'static, mark: usize) -> (Self, Writes) {
        let (give, full) = channel();
        let (give_back, empty) = channel();
        let turns = Self {
            first: Some(Vec::new()),
            rest: Vec::new(),
            mark,
            give,
            empty,
        };
        (turns, write_each(sink, full, give_back))
    }

    pub(super) fn write(&mut self, line: &[u8]) -> Result<(), Failure> {
        if let Some(mut first) = self.first.take() {
            first.extend_from_slice(line);
            return Ok(self.give.send(first)?);
        }
        self.rest.extend_from_slice(line);
        if self.rest.len() >= self.mark {
            self.first = next(&self.empty);
            self.give.send(mem::take(&mut self.rest))?;
            self.rest = next(&self.empty).ok_or("the thread has left")?;
        }
        Ok(())
    }

    pub(super) fn end(self, thread: Writes) -> Result<(), Failure> {
        self.give.send(self.rest)?;
        drop(self.give);
        Ok(thread.join().map_err(|_| "the writer panicked")??)
    }
}

/// The next buffer, or `None` if the other side has left.
fn next(buffers: &Receiver<Vec<u8>>) -> Option<Vec<u8>> {
    loop {
        match buffers.try_recv() {
            Ok(buffer) => return Some(buffer),
            Err(TryRecvError::Empty) => thread::yield_now(),
            Err(TryRecvError::Disconnected) => return None,
        }
    }
}

/// One buffer is filled under a lock, by any producer, while a thread writes
/// another.
#[derive(Clone)]
pub struct Pair {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    filling: Mutex<Filling>,
    enough: Condvar,
    taken: Condvar,
}

#[derive(Default)]
struct Filling {
    buffer: Vec<u8>,
    ended: bool,
    thread_left: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Filling> {
        self.filling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was filled, in exchange for an empty buffer; an empty one at the end.
    fn take(&self, empty: Vec<u8>) -> Vec<u8> {
        let waits = |filling: &mut Filling| filling.buffer.len() < BUFFER && !filling.ended;
        let mut filling = self
            .enough
            .wait_while(self.lock(), waits)
            .unwrap_or_else(PoisonError::into_inner);
        let full = mem::replace(&mut filling.buffer, empty);
        drop(filling);
        self.taken.notify_all();
        full
    }
}

/// Tells producers that the thread takes nothing any more.
struct Leaves(Arc<Shared>);

impl Drop for Leaves {
    fn drop(&mut self) {
        self.0.lock().thread_left = true;
        self.0.taken.notify_all();
    }
}

impl Pair {
    /// Starts the thread.
    pub fn spawn<W: Write + Send + 'static>(mut sink: W) -> (Self, JoinHandle<io::Result<()>>) {
        let shared = Arc::<Shared>::default();
        let leaves = Leaves(Arc::clone(&shared));
        let thread = thread::spawn(move || {
            let mut buffer = Vec::with_capacity(MARK);
            loop {
                buffer.clear();
                buffer = leaves.0.take(buffer);
                if buffer.is_empty() {
                    return Ok(());
                }
                sink.write_all(&buffer)?;
            }
        });
        (Self { shared }, thread)
    }

    /// Copies this into the buffer, once there is room.
    ///
    /// # Errors
    ///
    /// If the thread has left.
    pub fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut filling = self.shared.lock();
        if filling.buffer.len() >= MARK {
            let waits =
                |filling: &mut Filling| filling.buffer.len() >= MARK && !filling.thread_left;
            filling = self
                .shared
                .taken
                .wait_while(filling, waits)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if filling.thread_left {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let before = filling.buffer.len();
        filling.buffer.extend_from_slice(bytes);
        let enough = before < BUFFER && filling.buffer.len() >= BUFFER;
        drop(filling);
        if enough {
            self.shared.enough.notify_one();
        }
        Ok(())
    }

    /// Lets the thread write the rest and leave.
    pub fn end(self) {
        self.shared.lock().ended = true;
        self.shared.enough.notify_one();
    }
}

pub(super) fn pair(count: u64, path: &Path) -> Result<(), Failure> {
    let (out, thread) = Pair::spawn(File::create(path)?);
    each_line(count, |line| Ok(out.write(line)?))?;
    out.end();
    Ok(thread.join().map_err(|_| "the writer panicked")??)
}
