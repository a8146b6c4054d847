//! Owner and producers as they are polled. They wait until there is room *before* they
//! accept.

use core::mem;
use core::task::{Context, Poll, ready};
use std::io;

use super::writable::Writable;
use super::writer::Writer;
use crate::cause::Cause;
use crate::stream::Stream;
use crate::stream::wait::{Condition, WaitError};

impl Writer {
    /// Waits for room, then writes a piece of these bytes; how many.
    pub(crate) fn poll_write_piece(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        *self.wrote.get_mut() = true;
        if bytes.is_empty() || self.shared().write_if_room(bytes) {
            let mut place = mem::take(&mut self.place);
            self.shared().leave(&mut place);
            return Poll::Ready(Ok(bytes.len()));
        }
        let write = |stream: &mut Stream| stream.write_piece(bytes);
        Poll::Ready(Ok(ready!(self.poll_place(cx, Condition::Room, write))??))
    }

    /// Waits for room.
    pub(crate) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WaitError>> {
        self.poll_place(cx, Condition::Room, |_| ())
    }

    /// Flushes; after the end, waits until everything is through.
    pub(crate) fn poll_flush_all(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WaitError>> {
        if mem::take(self.wrote.get_mut()) {
            self.flush = None;
        }
        let number = match self.flush {
            Some(number) => number,
            None => match self.shared().change(Stream::flush) {
                Ok(number) => *self.flush.insert(number),
                Err(WaitError::Ended) => return self.poll_finished(cx),
                Err(error) => return Poll::Ready(Err(error)),
            },
        };
        let result = ready!(self.poll_place(cx, Condition::Flushed(number), |_| ()));
        self.flush = None;
        Poll::Ready(result)
    }

    fn poll_finished(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WaitError>> {
        let finished = ready!(self.poll_place(cx, Condition::Left, |stream| stream.finished()))?;
        Poll::Ready(finished.map_err(|cause| match cause {
            Cause::Fault(_) => WaitError::Destroyed,
            cause => WaitError::Failed(cause),
        }))
    }

    fn poll_place<T>(
        &mut self,
        cx: &mut Context<'_>,
        condition: Condition,
        f: impl FnOnce(&mut Stream) -> T,
    ) -> Poll<Result<T, WaitError>> {
        let mut place = mem::take(&mut self.place);
        let poll = self.shared().poll_wait(cx, &mut place, condition, f);
        self.place = place;
        poll
    }
}

impl<W> Writable<W> {
    pub(crate) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WaitError>> {
        self.writer.poll_room(cx)
    }

    pub(crate) fn poll_write_piece(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.writer.poll_write_piece(cx, bytes)
    }

    pub(crate) fn poll_flush_all(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WaitError>> {
        self.writer.poll_flush_all(cx)
    }

    /// Ends the stream, and waits until everything is through.
    pub(crate) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WaitError>> {
        // What has ended, or failed, stays so.
        let _ = self.end_now(None);
        self.writer.poll_finished(cx)
    }
}
