//! What a body gives its reader, one part at a time. The reader alone calls the observer.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use core::mem;
use core::task::{Context, Poll};

use bytes::Bytes;

use super::leave::leave_sink;
use super::observers::Observers;
#[cfg(feature = "http-body")]
use super::unwind::caught;
use super::unwind::dispose;
use crate::cause::Cause;
use crate::handle::{Shared, SinkSlot};
use crate::stream::{By, Calls, Event, Job, Progress, Stream, Work, WriteJob};
use crate::sync::Arc;

/// What a reader gets.
pub(crate) enum Part {
    Data(Bytes),
    /// In a box: most parts are data, and a part is moved some times.
    #[cfg(feature = "http-body")]
    Trailers(alloc::boxed::Box<http::HeaderMap>),
}

pub(super) struct Frames {
    shared: Arc<Shared>,
    observers: Observers,
    slot: SinkSlot<()>,
    now: Now,
    /// The job of writing, while there is one. It is kept, as a new one costs more.
    job: WriteJob,
    /// How many bytes the reader has of the job, and has not come back for more: one chunk,
    /// which is the first of the job.
    given: usize,
    /// How many bytes were given, all together.
    total: u64,
    /// How long the body is, if the caller has said so.
    /// Invariant: `total` is at most this.
    length: Option<u64>,
    /// What makes the trailers, until it has.
    #[cfg(feature = "http-body")]
    pub(super) trailers: Option<alloc::boxed::Box<Trailers>>,
    /// The reader knows that it has everything.
    knows_end: bool,
    /// See [`Shared::idle`].
    gave_turn: bool,
}

#[cfg(feature = "http-body")]
type Trailers = dyn FnOnce() -> Option<http::HeaderMap> + Send;

/// What the worker is at.
enum Now {
    Idle,
    Writing,
    Ending,
    Left,
}

impl Frames {
    pub(super) fn new(
        shared: Arc<Shared>,
        progress: &Arc<Progress>,
        observers: Observers,
        slot: SinkSlot<()>,
    ) -> Self {
        Self {
            shared,
            observers,
            slot,
            now: Now::Idle,
            job: WriteJob::new(VecDeque::new(), progress, Calls::default()),
            given: 0,
            total: 0,
            length: None,
            #[cfg(feature = "http-body")]
            trailers: None,
            knows_end: false,
            gave_turn: false,
        }
    }

    /// Sets how many bytes are still to come.
    pub(super) fn set_length(&mut self, left: u64) {
        self.length = Some(self.total.saturating_add(left));
    }

    /// The next part. The reader has taken the one before.
    pub(super) fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Part, Cause>>> {
        let _running = self.shared.run_here();
        self.take_given();
        loop {
            let part = match self.now {
                Now::Left => return Poll::Ready(None),
                Now::Writing => self.next_data(),
                Now::Ending => self.finish(),
                Now::Idle => {
                    let Poll::Ready(work) = self.shared.poll_work(cx, true) else {
                        if self.shared.idle(&mut self.gave_turn) {
                            cx.waker().wake_by_ref();
                        }
                        return Poll::Pending;
                    };
                    self.gave_turn = false;
                    if let Some(end) = self.begin(work) {
                        return Poll::Ready(end.err().map(Err));
                    }
                    None
                }
            };
            if let Some(part) = part {
                return Poll::Ready(Some(Ok(part)));
            }
        }
    }

    /// Books the chunk that was given before.
    fn take_given(&mut self) {
        let given = mem::take(&mut self.given);
        if given > 0 {
            dispose(self.job.took_shared(given));
        }
    }

    /// Begins a job. Returns how the stream has ended, if it is closed.
    fn begin(&mut self, work: Work) -> Option<Result<(), Cause>> {
        self.observers.emit(work.events);
        match work.job {
            // There is nothing to open.
            None | Some(Job::Open) => {}
            Some(Job::Write(items)) => {
                self.job.restart(items);
                self.now = Now::Writing;
            }
            Some(Job::Finalize) => self.now = Now::Ending,
            Some(Job::Close(error)) => {
                let events = self.shared.report(By::Other, |stream| stream.closed(error));
                self.leave(events);
                return Some(self.shared.look(Stream::finished));
            }
        }
        None
    }

    /// The next chunk of the job, or `None` once the job is answered.
    fn next_data(&mut self) -> Option<Part> {
        let job = &mut self.job;
        while !job.is_stopped() {
            if job.is_due() {
                self.shared.report(By::Harmless, |_| ());
            }
            let Some(next) = job.next_shared() else {
                break;
            };
            let Some(bytes) = next else {
                // A flush: the reader has taken what comes before it.
                let _ = job.book(0, Ok(None));
                continue;
            };
            let len = bytes.len() as u64;
            if let Some(length) = self.length {
                job.failure = too_long(&self.shared, length, length - self.total, len);
                if job.failure.is_some() {
                    break;
                }
            }
            self.given = bytes.len();
            self.total += len;
            return Some(Part::Data(bytes));
        }
        self.answer();
        None
    }

    /// The job is done, or stopped.
    fn answer(&mut self) {
        self.now = Now::Idle;
        let job = &mut self.job;
        self.shared.report(job.by(), |stream| stream.answered(job));
        job.take_left().for_each(dispose);
    }

    /// All is written. Returns the trailers, if the reader gets them first.
    fn finish(&mut self) -> Option<Part> {
        let result = match self.finished() {
            Ok(Some(part)) => return Some(part),
            Ok(None) => Ok(()),
            Err(cause) => Err(cause),
        };
        self.now = Now::Idle;
        self.shared
            .report(By::Other, |stream| stream.finalized(result));
        None
    }

    fn finished(&mut self) -> Result<Option<Part>, Cause> {
        if let Some(length) = self.length.filter(|length| self.total < *length) {
            return Err(Cause::reason(too_short(self.total, length)));
        }
        #[cfg(feature = "http-body")]
        if let Some(trailers) = self.trailers.take() {
            let trailers = caught("what makes the trailers", trailers)?;
            // Nothing comes after them.
            self.knows_end = trailers.is_some();
            return Ok(trailers.map(|trailers| Part::Trailers(trailers.into())));
        }
        Ok(None)
    }

    /// Whether the stream has ended well, and its reader has everything.
    #[cfg(feature = "http-body")]
    pub(super) fn is_end(&mut self) -> bool {
        let given = self.given as u64;
        let whole = self.length.is_none_or(|length| length == self.total);
        self.knows_end |= match self.now {
            Now::Left => true,
            _ if self.has_trailers() || !whole => false,
            _ => self
                .shared
                .look(|stream| stream.ends_after() == Some(given)),
        };
        self.knows_end
    }

    /// How many bytes are still to come, if that is known.
    pub(super) fn left(&self) -> Option<u64> {
        if let Some(length) = self.length {
            return Some(length - self.total);
        }
        if self.has_trailers() {
            // HTTP/1.1 sends no trailers after a body of a known length.
            return None;
        }
        let left = self.shared.look(Stream::ends_after)?;
        left.checked_sub(self.given as u64)
    }

    fn has_trailers(&self) -> bool {
        #[cfg(feature = "http-body")]
        return self.trailers.is_some();
        #[cfg(not(feature = "http-body"))]
        false
    }

    /// Whether the reader has everything, by the end that it knows or the length.
    pub(super) fn has_given_all(&self) -> bool {
        self.knows_end || self.length == Some(self.total)
    }

    /// The stream is closed: the observer sees the last events.
    fn leave(&mut self, events: VecDeque<Event>) {
        self.now = Now::Left;
        self.observers.emit(events);
        dispose(mem::take(&mut self.observers));
        #[cfg(feature = "http-body")]
        dispose(self.trailers.take());
        leave_sink(&self.shared, &self.slot, Some(()));
    }

    /// The reader leaves, and does not have everything. What it has not come back for is
    /// handed back.
    pub(super) fn abandon(&mut self) {
        let job = match mem::replace(&mut self.now, Now::Left) {
            Now::Left => return,
            Now::Writing => Some(&mut self.job),
            Now::Idle | Now::Ending => None,
        };
        let shared = Arc::clone(&self.shared);
        let _running = shared.run_here();
        let left = |undelivered| Cause::ReaderLeft { undelivered };
        let events = shared.report(By::Other, |stream| stream.abandoned(left, job));
        self.job.take_left().for_each(dispose);
        self.leave(events);
    }
}

/// Why the body cannot give the next chunk, if `left` bytes of its length are still to come. If the
/// chunk fills the body, nothing may come after it: the reader would take a body that is too long
/// for whole.
fn too_long(shared: &Shared, length: u64, left: u64, len: u64) -> Option<Cause> {
    let fills = len == left && shared.look(|stream| stream.snapshot().length) > len;
    let text = || format!("the body is longer than its {length} bytes");
    (len > left || fills).then(|| Cause::reason(text()))
}

fn too_short(total: u64, length: u64) -> String {
    format!("the body ended after {total} of its {length} bytes")
}
