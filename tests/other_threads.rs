//! What may go to other threads, and be shared by them.

use highwater::{
    AnyWorker, BlockingWriter, Builder, Cause, Chunk, CorkGuard, Destroy, End, EndError, Event,
    Finished, Flow, OnDrop, PipeError, SendError, Sending, Snapshot, SpawnError, ThreadOptions,
    Unfinished, Wait, WaitError, Writable, WriteError, Writer,
};

fn sends<T: Send + 'static>() {}

fn is_shared<T: Send + Sync + 'static>() {}

#[test]
fn of_a_stream() {
    is_shared::<Writable<Vec<u8>>>();
    is_shared::<Writer>();
    is_shared::<BlockingWriter>();
    is_shared::<CorkGuard<'static>>();
    is_shared::<Wait>();
    is_shared::<Sending>();
    is_shared::<End<Vec<u8>>>();
    is_shared::<Destroy<Vec<u8>>>();
    is_shared::<Chunk>();
    is_shared::<Cause>();
    is_shared::<Event>();
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
    sends::<Builder<AnyWorker>>();
    sends::<Builder<ThreadOptions>>();
}

#[cfg(feature = "futures")]
#[test]
fn of_a_stream_with_a_polled_worker() {
    use futures::io::Cursor;
    use highwater::{FutureOptions, Worker};

    fn sends_value(_: impl Send) {}
    sends::<Worker<Cursor<Vec<u8>>>>();
    sends::<Builder<FutureOptions>>();
    let stream = || Writable::builder().pair(Cursor::new(Vec::new())).0;
    sends_value(stream().pipe_async(&b""[..]));
    #[cfg(feature = "tokio")]
    sends_value(stream().pipe_tokio(&b""[..]));
}

#[cfg(feature = "tracing")]
#[test]
fn of_the_log() {
    use highwater::log::{Log, LogBuilder, LogWriter, WhenFull};
    use highwater::sink::{Reopen, Reopener};

    is_shared::<Log<Vec<u8>>>();
    is_shared::<LogWriter>();
    sends::<LogBuilder>();
    is_shared::<Reopen>();
    is_shared::<Reopener>();
    is_shared::<WhenFull>();
}
