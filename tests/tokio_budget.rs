//! A task of tokio that never has to wait gives up its turn now and then.
#![cfg(feature = "tokio")]

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::{SinkExt, StreamExt, TryStreamExt};
use highwater::{BoxError, Writable};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{coop, yield_now};

type Checked = Result<(), BoxError>;

/// How many turns the other task needs.
const TURNS: u32 = 5;

/// How many steps the loop makes at most: far more than tokio allows a task in so many turns.
const MOST: u32 = 10_000;

fn one_thread() -> io::Result<Runtime> {
    Builder::new_current_thread().build()
}

/// A stream with room for all that a test writes, so that no step has to wait.
fn wide() -> highwater::Builder {
    Writable::builder().high_water_mark(1 << 20)
}

/// Polls it once.
async fn is_ready(future: impl Future) -> bool {
    let mut future = pin!(future);
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_ready())).await
}

/// Spends what the task may do in this turn.
async fn spend<W>(out: &Writable<W>) {
    for _ in 0..MOST {
        if !coop::has_budget_remaining() {
            return;
        }
        assert!(is_ready(out.drained()).await);
    }
    panic!("a wait that is ready spends nothing");
}

/// Repeats a step that is ready at once, beside a task that needs some turns of the same
/// thread. Fails if that task has not had them in time.
async fn repeat(mut step: impl AsyncFnMut() -> Checked) -> Checked {
    let done = Arc::new(AtomicBool::new(false));
    let sign = Arc::clone(&done);
    let other = tokio::spawn(async move {
        for _ in 0..TURNS {
            yield_now().await;
        }
        sign.store(true, Ordering::Relaxed);
    });
    for _ in 0..MOST {
        step().await?;
        if done.load(Ordering::Relaxed) {
            return Ok(other.await?);
        }
    }
    Err("the other task had no turns".into())
}

#[test]
fn a_loop_over_send_leaves_turns_to_others() -> Checked {
    one_thread()?.block_on(async {
        let mut out = wide().spawn(Vec::new())?;
        let mut sent = 0;
        repeat(async || {
            sent += 5;
            assert_eq!(out.send("line\n").await?, sent);
            Ok(())
        })
        .await?;
        // Nothing is lost or doubled where a send gave up its turn.
        assert_eq!(out.end().await?.totals.delivered, sent);
        Ok(())
    })
}

#[test]
fn a_chunk_that_is_in_stays_in_while_its_wait_gives_up_its_turn() -> Checked {
    one_thread()?.block_on(async {
        let mut out = wide().spawn(Vec::new())?;
        spend(&out).await;
        let mut sending = out.send("line\n");
        assert!(!is_ready(&mut sending).await);
        assert_eq!(out.position(), 5);
        assert_eq!(sending.await?, 5);
        // The same, and the wait is dropped.
        spend(&out).await;
        let mut sending = out.send("line\n");
        assert!(!is_ready(&mut sending).await);
        assert!(sending.into_chunk().is_none());
        assert_eq!(out.end().await?.sink, b"line\nline\n");
        Ok(())
    })
}

#[test]
fn the_wait_of_a_thread_needs_no_budget() -> Checked {
    one_thread()?.block_on(async {
        let mut out = wide().spawn(Vec::new())?;
        spend(&out).await;
        assert_eq!(out.send("line\n").wait()?, 5);
        out.drained().wait()?;
        io::Write::write_all(&mut out, b"more\n")?;
        out.delivered(10).wait()?;
        assert_eq!(out.end().wait()?.sink, b"line\nmore\n");
        Ok(())
    })
}

#[test]
fn a_loop_over_write_and_drained_leaves_turns_to_others() -> Checked {
    one_thread()?.block_on(async {
        let mut out = wide().spawn(io::sink())?;
        repeat(async || {
            let _flow = out.write("line\n")?;
            Ok(out.drained().await?)
        })
        .await?;
        out.end().await?;
        Ok(())
    })
}

#[test]
fn a_loop_over_a_sink_leaves_turns_to_others() -> Checked {
    one_thread()?.block_on(async {
        let mut out = wide().spawn(io::sink())?;
        repeat(async || Ok(out.feed(Bytes::from_static(b"line\n")).await?)).await?;
        let mut writer = out.writer();
        repeat(async || Ok(writer.feed(Bytes::from_static(b"line\n")).await?)).await?;
        out.end().await?;
        Ok(())
    })
}

#[test]
fn a_loop_over_an_async_write_of_tokio_leaves_turns_to_others() -> Checked {
    use tokio::io::AsyncWriteExt;
    one_thread()?.block_on(async {
        let mut out = wide().spawn(io::sink())?;
        repeat(async || Ok(out.write_all(b"line\n").await?)).await?;
        let mut writer = out.writer();
        repeat(async || Ok(writer.write_all(b"line\n").await?)).await?;
        out.end().await?;
        Ok(())
    })
}

#[test]
fn a_loop_over_an_async_write_of_futures_leaves_turns_to_others() -> Checked {
    use futures::AsyncWriteExt;
    one_thread()?.block_on(async {
        let mut out = wide().spawn(io::sink())?;
        repeat(async || Ok(out.write_all(b"line\n").await?)).await?;
        let mut writer = out.writer();
        repeat(async || Ok(writer.write_all(b"line\n").await?)).await?;
        out.end().await?;
        Ok(())
    })
}

#[test]
fn a_loop_over_flush_leaves_turns_to_others() -> Checked {
    one_thread()?.block_on(async {
        // With nothing new to flush, each is ready at once.
        let mut out = wide().spawn(io::sink())?;
        repeat(async || Ok(SinkExt::<Bytes>::flush(&mut out).await?)).await?;
        repeat(async || Ok(tokio::io::AsyncWriteExt::flush(&mut out).await?)).await?;
        repeat(async || Ok(futures::AsyncWriteExt::flush(&mut out).await?)).await?;
        let mut writer = out.writer();
        repeat(async || Ok(SinkExt::<Bytes>::flush(&mut writer).await?)).await?;
        repeat(async || Ok(tokio::io::AsyncWriteExt::flush(&mut writer).await?)).await?;
        repeat(async || Ok(futures::AsyncWriteExt::flush(&mut writer).await?)).await?;
        repeat(async || Ok(SinkExt::<Bytes>::close(&mut writer).await?)).await?;
        out.end().await?;
        // And each wait for what has come.
        repeat(async || Ok(writer.closed().await?)).await
    })
}

#[test]
fn a_pipe_leaves_turns_to_others() -> Checked {
    one_thread()?.block_on(async {
        let out = wide().spawn(io::sink())?;
        let done = Arc::new(AtomicBool::new(false));
        let sign = Arc::clone(&done);
        let other = tokio::spawn(async move {
            for _ in 0..TURNS {
                yield_now().await;
            }
            sign.store(true, Ordering::Relaxed);
        });
        let mut steps = 0;
        let source = futures::stream::poll_fn(move |_| {
            steps += 1;
            let more = steps < MOST && !done.load(Ordering::Relaxed);
            Poll::Ready(more.then_some(Ok::<_, io::Error>("line\n")))
        });
        let finished = out.pipe_async(source.into_async_read()).await?;
        assert!(finished.totals.delivered < u64::from(MOST - 1) * 5);
        Ok(other.await?)
    })
}

#[test]
fn the_reader_of_a_body_leaves_turns_to_others() -> Checked {
    one_thread()?.block_on(async {
        let (mut out, mut body) = wide().body();
        for _ in 0..=MOST {
            let _flow = out.write_chunk("line\n")?;
        }
        repeat(async || {
            assert_eq!(body.next().await.ok_or("an end")??, "line\n");
            Ok(())
        })
        .await
    })
}

#[test]
fn a_producer_and_a_reader_in_one_task_leave_turns_to_others() -> Checked {
    one_thread()?.block_on(async {
        let (mut out, mut body) = wide().body();
        repeat(async || {
            let (sent, read) = tokio::join!(out.send("line\n"), body.next());
            assert_eq!(read.ok_or("an end")??, "line\n");
            sent?;
            Ok(())
        })
        .await
    })
}

/// A sink that takes a byte a call, and never has to wait.
struct Bytewise;

impl futures::AsyncWrite for Bytewise {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, b: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(b.len().min(1)))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn a_polled_worker_leaves_turns_to_others() -> Checked {
    one_thread()?.block_on(async {
        let (mut out, worker) = wide().pair(Bytewise);
        let _flow = out.write(vec![b'x'; 1 << 20])?;
        let writer = out.writer();
        let other = tokio::spawn(async move {
            let mut turns = 0;
            while writer.snapshot().delivered < 1 << 20 {
                turns += 1;
                yield_now().await;
            }
            turns
        });
        let worker = tokio::spawn(worker);
        out.end().await?;
        worker.await?;
        assert!(other.await? > TURNS, "the worker kept its turn");
        Ok(())
    })
}
