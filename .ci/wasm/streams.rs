//! Streams over futures, on wasm32-unknown-unknown. That target has no clock and one thread:
//! a task that reads a clock or blocks its thread panics. The workers and the producer are
//! tasks of one executor. Node completes the calls of the sink, one at a time, lets the
//! executor poll, and reads the report.

use std::cell::{Cell, RefCell};
use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures::executor::{LocalPool, LocalSpawner};
use futures::io::{AsyncWrite, AsyncWriteExt};
use futures::sink::SinkExt;
use futures::task::LocalSpawnExt;
use highwater::{BoxError, Flow, WaitError, Writable, Writer};

thread_local! {
    static POOL: RefCell<LocalPool> = RefCell::new(LocalPool::new());
    static CALL: RefCell<Call> = RefCell::new(Call::default());
    /// What the producer is at.
    static STAGE: Cell<&'static str> = const { Cell::new("") };
    /// A second producer of the newest stream. It reads the counters.
    static NEWEST: RefCell<Option<Writer>> = const { RefCell::new(None) };
    static REPORT: RefCell<String> = const { RefCell::new(String::new()) };
}

/// The call of the sink.
#[derive(Default)]
struct Call {
    /// The worker's waker, while the call is pending.
    waker: Option<Waker>,
    completed: bool,
    /// What the last completed call did.
    last: String,
}

/// Each of its calls is pending until Node completes it.
struct Sink;

fn poll_call(cx: &mut Context<'_>, done: impl FnOnce() -> String) -> Poll<()> {
    CALL.with_borrow_mut(|call| {
        if !mem::take(&mut call.completed) {
            call.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        call.last = done();
        Poll::Ready(())
    })
}

impl AsyncWrite for Sink {
    /// Takes up to eight bytes.
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let taken = &bytes[..bytes.len().min(8)];
        let done = || format!("write {}", String::from_utf8_lossy(taken));
        poll_call(cx, done).map(|()| Ok(taken.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        poll_call(cx, || "flush".into()).map(Ok)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        poll_call(cx, || "close".into()).map(Ok)
    }
}

/// Makes a stream, and spawns its worker.
fn stream(spawner: &LocalSpawner, sink: Sink) -> Result<Writable<Sink>, BoxError> {
    let (out, worker) = Writable::builder().high_water_mark(10).pair(sink);
    spawner.spawn_local(worker)?;
    NEWEST.set(Some(out.writer()));
    Ok(out)
}

async fn produce(spawner: LocalSpawner) -> Result<(), BoxError> {
    STAGE.set("drained");
    let mut out = stream(&spawner, Sink)?;
    assert_eq!(out.write("0123456789")?, Flow::Wait);
    out.drained().await?;

    STAGE.set("delivered");
    assert_eq!(out.write("abcd")?, Flow::More);
    out.delivered(out.position()).await?;

    STAGE.set("flush");
    assert_eq!(out.write("ef")?, Flow::More);
    out.flush().await?;

    STAGE.set("send");
    assert_eq!(out.send("9876543210").await?, 26);
    assert_eq!(out.send("gh").await?, 28);

    STAGE.set("as a Sink");
    SinkExt::send(&mut out, "ij".into()).await?;

    STAGE.set("as an AsyncWrite");
    out.write_all(b"kl").await?;
    AsyncWriteExt::flush(&mut out).await?;

    STAGE.set("end");
    let sink = out.end_with("last").await?.sink;

    STAGE.set("pipe");
    let out = stream(&spawner, sink)?;
    let sink = out.pipe_async(&b"some source"[..]).await?.sink;

    STAGE.set("destroy");
    let mut out = stream(&spawner, sink)?;
    assert_eq!(out.write("unsent")?, Flow::More);
    let closed = out.closed();
    let unfinished = out.destroy().await;
    assert!(unfinished.sink.is_some());
    assert!(matches!(closed.await, Err(WaitError::Destroyed)));

    STAGE.set("done");
    Ok(())
}

/// Spawns the producer.
#[unsafe(no_mangle)]
pub extern "C" fn start() {
    std::panic::set_hook(Box::new(|panic| REPORT.set(panic.to_string())));
    CALL.with_borrow_mut(|call| call.last = "start".into());
    POOL.with_borrow(|pool| {
        let spawner = pool.spawner();
        let producer = produce(spawner.clone());
        let task = async { producer.await.unwrap_or_else(|error| panic!("{error}")) };
        spawner
            .spawn_local(task)
            .unwrap_or_else(|error| panic!("{error}"));
    });
}

/// Polls the tasks until all of them wait, then writes the report.
#[unsafe(no_mangle)]
pub extern "C" fn turn() {
    POOL.with_borrow_mut(LocalPool::run_until_stalled);
    let last = CALL.with_borrow_mut(|call| mem::take(&mut call.last));
    let Some(now) = NEWEST.with_borrow(|writer| writer.as_ref().map(Writer::snapshot)) else {
        return;
    };
    let bytes = format!("{} {} {}", now.accepted, now.delivered, now.length);
    let waits = format!("{} {} {:?}", now.waits, now.drains, now.waited);
    REPORT.set(format!("{last:14} {:16} {bytes} {waits}", STAGE.get()));
}

/// Completes the call of the sink that is pending, and wakes the worker. 0: no call is pending.
#[unsafe(no_mangle)]
pub extern "C" fn complete() -> u32 {
    let waker = CALL.with_borrow_mut(|call| {
        call.completed = call.waker.is_some();
        call.waker.take()
    });
    let pending = u32::from(waker.is_some());
    waker.into_iter().for_each(Waker::wake);
    pending
}

#[unsafe(no_mangle)]
pub extern "C" fn report() -> *const u8 {
    REPORT.with_borrow(|report| report.as_ptr())
}

#[unsafe(no_mangle)]
pub extern "C" fn report_len() -> usize {
    REPORT.with_borrow(String::len)
}
