//! What may go to other threads, and be shared by them.

use highwater::{
    Cause, Chunk, EndError, Event, Flow, OnDrop, PipeError, WaitError, Writable, WriteError, Writer,
};

fn sends<T: Send + 'static>() {}

fn is_shared<T: Send + Sync + 'static>() {}

#[test]
fn of_the_thread_adapter() {
    is_shared::<Writable<Vec<u8>>>();
    is_shared::<Writer>();
    is_shared::<highwater::BlockingWriter>();
    is_shared::<highwater::CorkGuard<'static>>();
    is_shared::<Chunk>();
    is_shared::<Cause>();
    is_shared::<Event>();
    is_shared::<WriteError<Chunk>>();
    is_shared::<WaitError>();
    is_shared::<EndError<Vec<u8>, Writable<Vec<u8>>>>();
    is_shared::<PipeError<Vec<u8>>>();
    is_shared::<highwater::SpawnError<Vec<u8>>>();
    is_shared::<highwater::Finished<Vec<u8>>>();
    is_shared::<highwater::Unfinished<Vec<u8>>>();
    is_shared::<highwater::Snapshot>();
    is_shared::<highwater::machine::State>();
    is_shared::<Flow>();
    is_shared::<OnDrop>();
    sends::<highwater::Builder>();
}

#[cfg(feature = "futures")]
#[test]
fn of_the_async_adapter() {
    use futures::io::Cursor;
    use highwater::future::{Builder, CorkGuard, Worker, Writable, Writer};

    type Sink = Cursor<Vec<u8>>;
    fn sends_value(_: impl Send) {}
    is_shared::<Writable<Sink>>();
    is_shared::<Writer>();
    is_shared::<CorkGuard<'static>>();
    sends::<Worker<Sink>>();
    sends::<Builder>();
    let stream = || Writable::builder().pair(Sink::default()).0;
    sends_value(stream().end());
    sends_value(stream().end_with("last"));
    sends_value(stream().destroy());
    let (out, _worker) = Writable::builder().pair(Sink::default());
    sends_value(out.drained());
    sends_value(out.delivered(1));
    sends_value(out.flush());
    sends_value(out.pipe(&b""[..]));
}

#[cfg(feature = "tracing")]
#[test]
fn of_the_log() {
    use highwater::log::{Log, LogWriter, WhenFull};
    use highwater::sink::{Reopen, Reopener};

    is_shared::<Log<Vec<u8>>>();
    is_shared::<LogWriter>();
    is_shared::<Reopen>();
    is_shared::<Reopener>();
    is_shared::<WhenFull>();
}
