//! What may go to other threads, and be shared by them.

use std::future::Future;

use highwater::{
    AnyWorker, BlockingWriter, Builder, Cause, Chunk, CorkGuard, Destroy, End, EndError, Event,
    Finished, Flow, OnDrop, PipeError, SendError, Sending, Snapshot, SpawnError, ThreadOptions,
    Unfinished, Wait, WaitError, Writable, WriteError, Writer,
};

fn sends<T: Send + 'static>() {}

fn is_shared<T: Send + Sync + Unpin + 'static>() {}

fn is_awaited<T: Future + Send + Sync + Unpin + 'static>() {}

#[test]
fn a_stream_crosses_threads() {
    is_shared::<Writable<Vec<u8>>>();
    is_shared::<Writer>();
    is_shared::<BlockingWriter>();
    is_shared::<CorkGuard<'static>>();
    is_awaited::<Wait>();
    is_awaited::<Sending>();
    is_awaited::<End<Vec<u8>>>();
    is_awaited::<Destroy<Vec<u8>>>();
    is_shared::<Chunk>();
    is_shared::<Cause>();
    is_shared::<Event>();
    is_shared::<WriteError>();
    is_shared::<WriteError<Chunk>>();
    is_shared::<WaitError>();
    is_shared::<SendError>();
    is_shared::<EndError<Vec<u8>>>();
    is_shared::<PipeError<Vec<u8>>>();
    is_shared::<SpawnError<Vec<u8>>>();
    is_shared::<Finished<Vec<u8>>>();
    is_shared::<Unfinished<Vec<u8>>>();
    is_shared::<Snapshot>();
    is_shared::<highwater::machine::State>();
    is_shared::<Flow>();
    is_shared::<OnDrop>();
    is_shared::<AnyWorker>();
    is_shared::<ThreadOptions>();
    sends::<Builder<AnyWorker>>();
    sends::<Builder<ThreadOptions>>();
}

#[cfg(feature = "futures")]
#[test]
fn a_stream_with_a_polled_worker_crosses_threads() {
    use futures::io::Cursor;
    use highwater::{FutureOptions, Worker};

    fn sends_value(_: impl Send) {}
    sends::<Worker<Cursor<Vec<u8>>>>();
    is_shared::<FutureOptions>();
    sends::<Builder<FutureOptions>>();
    let stream = || Writable::builder().pair(Cursor::new(Vec::new())).0;
    sends_value(stream().pipe_async(&b""[..]));
    #[cfg(feature = "tokio")]
    sends_value(stream().pipe_tokio(&b""[..]));
}

#[cfg(feature = "tracing")]
#[test]
fn a_log_crosses_threads() {
    use highwater::log::{Log, LogBuilder, LogWriter, WhenFull};
    use highwater::sink::{Reopen, Reopener};

    is_shared::<Log<Vec<u8>>>();
    is_shared::<LogWriter>();
    sends::<LogBuilder>();
    is_shared::<Reopen>();
    is_shared::<Reopener>();
    is_shared::<WhenFull>();
}
