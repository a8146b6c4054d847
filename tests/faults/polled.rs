//! The scripted sink and its opener for a worker that polls. It does what the schedule says
//! for a blocking sink, except that every second call of a storm is pending.

use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::schedule::Opener;
use super::sink::Scripted;

/// The opener of the schedule. It is pending once.
pub(crate) async fn open(sink: Scripted, opener: Opener) -> io::Result<Scripted> {
    yield_now().await;
    sink.open(opener)
}

/// Lets others have a turn.
pub(crate) async fn yield_now() {
    let mut polled = false;
    poll_fn(|cx| {
        if polled {
            return Poll::Ready(());
        }
        polled = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl Scripted {
    /// What a call of the sink has returned, or that it is pending.
    fn polled<T>(&mut self, cx: &mut Context<'_>, result: io::Result<T>) -> Poll<io::Result<T>> {
        match &result {
            Err(error) if error.kind() == ErrorKind::Interrupted && self.alternates() => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            _ => Poll::Ready(result),
        }
    }
}

impl futures::io::AsyncWrite for Scripted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = self.take(bytes);
        self.polled(cx, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = self.take_slices(slices);
        self.polled(cx, result)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = self.flush_once();
        self.polled(cx, result)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = self.close_once();
        self.polled(cx, result)
    }
}

highwater_testkit::sink_of_tokio!(Scripted);
