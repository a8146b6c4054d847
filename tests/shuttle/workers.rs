//! A stream over each kind of worker, and a sink that can be looked at while the stream lives.

use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::{AsyncWrite, StreamExt as _};
use highwater::{Body, Builder, Writable};
use shuttle::future::block_on;
use shuttle::sync::{Arc, Mutex};
use shuttle::thread::spawn;

/// Makes a stream over a worker of one kind, and the sink, or what its reader takes.
pub(crate) type Open<W> = fn(Builder) -> (Writable<W>, Sink);

pub(crate) fn thread(builder: Builder) -> (Writable<Sink>, Sink) {
    let sink = Sink::default();
    let out = builder.spawn(sink.clone()).expect("there are threads");
    (out, sink)
}

/// An executor of its own for the worker.
pub(crate) fn future(builder: Builder) -> (Writable<Sink>, Sink) {
    let sink = Sink::default();
    let (out, worker) = builder.pair(sink.clone());
    spawn(|| block_on(worker));
    (out, sink)
}

pub(crate) fn reader(builder: Builder) -> (Writable<()>, Sink) {
    let sink = Sink::default();
    let (out, body) = builder.body();
    let taken = sink.clone();
    spawn(|| block_on(read(body, taken, usize::MAX)));
    (out, sink)
}

/// Takes at most this many chunks of a body.
pub(crate) async fn read(mut body: Body, taken: Sink, chunks: usize) {
    for _ in 0..chunks {
        let Some(Ok(chunk)) = body.next().await else {
            return;
        };
        taken
            .0
            .lock()
            .expect("no panic with the lock")
            .bytes
            .extend(chunk);
    }
}

/// Clones are of the same sink.
#[derive(Clone, Default)]
pub(crate) struct Sink(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    bytes: Vec<u8>,
    flushed: usize,
    /// It fails once it has this many bytes.
    fails_after: Option<usize>,
    /// The next call of a sink that is polled is pending.
    is_pending: bool,
}

impl Sink {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().expect("no panic with the lock").bytes.clone()
    }

    /// What was written before the last flush.
    pub(crate) fn flushed(&self) -> Vec<u8> {
        let inner = self.0.lock().expect("no panic with the lock");
        inner.bytes[..inner.flushed].to_vec()
    }

    pub(crate) fn fail_after(&self, bytes: usize) {
        self.0.lock().expect("no panic with the lock").fails_after = Some(bytes);
    }

    /// Takes at most five bytes, so that records are cut.
    fn take(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut inner = self.0.lock().expect("no panic with the lock");
        if inner
            .fails_after
            .is_some_and(|most| inner.bytes.len() >= most)
        {
            return Err(io::Error::other("it is full"));
        }
        let count = bytes.len().min(5);
        inner.bytes.extend(&bytes[..count]);
        Ok(count)
    }

    fn sync(&self) {
        let mut inner = self.0.lock().expect("no panic with the lock");
        inner.flushed = inner.bytes.len();
    }

    fn is_pending(&self, cx: &Context<'_>) -> bool {
        let mut inner = self.0.lock().expect("no panic with the lock");
        inner.is_pending = !inner.is_pending;
        let is_pending = inner.is_pending;
        drop(inner);
        if is_pending {
            cx.waker().wake_by_ref();
        }
        is_pending
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.take(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sync();
        Ok(())
    }
}

impl AsyncWrite for Sink {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.is_pending(cx) {
            true => Poll::Pending,
            false => Poll::Ready(self.take(bytes)),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_pending(cx) {
            return Poll::Pending;
        }
        self.sync();
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}
