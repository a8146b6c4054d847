//! What a caller reads: each error says why, once, and keeps what a program wants to know.
#![cfg(feature = "futures")]

use std::error::Error;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use highwater::{Cause, EndError, PipeError, WaitError, Writable, WriteError};
use highwater_testkit::players::polled::poll_once;
use highwater_testkit::sinks::on_write;

/// An error of a user, which has a source of its own.
#[derive(Debug)]
struct Upload(io::Error);

impl fmt::Display for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the upload was refused")
    }
}

impl Error for Upload {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

/// What a chain printer prints.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text += &format!(": {error}");
        source = error.source();
    }
    text
}

fn failed(reason: impl Into<Box<dyn Error + Send + Sync>>) -> Vec<(&'static str, String)> {
    let (mut out, worker) = Writable::builder().pair(Vec::new());
    let writer = out.writer();
    let _flow = out.write("a line").expect("it is open");
    let delivered = out.delivered(6);
    drop(out.destroy_with(reason));
    drop(worker);
    let written = writer.write("late").expect_err("it has failed");
    let chunk = writer.write_chunk("late").expect_err("it has failed");
    let flushed = writer.flush().wait().expect_err("it has failed");
    let delivered = poll_once(delivered)
        .expect("it is over")
        .expect_err("it has failed");
    let closed = writer.closed().wait().expect_err("it has failed");
    let drained = writer.drained().wait().expect_err("it has failed");
    let late = writer.send("late").wait().expect_err("it has failed");
    vec![
        ("write", chain(&written)),
        ("write_chunk", chain(&chunk)),
        ("flush", chain(&flushed)),
        ("drained", chain(&drained)),
        ("delivered", chain(&delivered)),
        ("closed", chain(&closed)),
        ("send", chain(&late)),
        ("io::Error of a write", chain(&io::Error::from(written))),
        ("io::Error of a wait", chain(&io::Error::from(flushed))),
    ]
}

#[test]
fn every_error_says_why_once() {
    for (call, text) in failed(Upload(io::Error::other("disk full"))) {
        assert_eq!(text, "the upload was refused: disk full", "{call}");
    }
    for (call, text) in failed("the client has left") {
        assert_eq!(text, "the client has left", "{call}");
    }
}

#[test]
fn an_end_says_why_once() {
    let (mut out, worker) = Writable::builder()
        .pair_with(async { Err::<Vec<u8>, _>(io::Error::from_raw_os_error(28)) });
    let _flow = out.write("a line").expect("it is open");
    let mut end = out.end();
    futures::executor::block_on(worker);
    let error = end.wait().expect_err("there is no sink");
    let why = io::Error::from_raw_os_error(28).to_string();
    assert_eq!(chain(&error), why);
    assert_eq!(error.code(), "ENOSPC");
    let EndError::Failed { unfinished, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(
        unfinished.cause.as_ref().map(Cause::to_string),
        Some(why.clone())
    );
    let error = io::Error::from(error);
    assert_eq!(chain(&error), why);
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!(error.raw_os_error(), Some(28), "it is the system's");
}

#[test]
fn a_last_chunk_that_is_refused_comes_back_with_its_stream() {
    let (out, _worker) = Writable::builder()
        .high_water_mark(4)
        .limit(4)
        .pair(Vec::new());
    let error = out.end_with("too long").wait().expect_err("it never fits");
    assert_eq!(
        chain(&error),
        "the last chunk was refused: the chunk would pass the limit of 4 bytes"
    );
    let EndError::Refused { mut stream, error } = error else {
        panic!("it is refused");
    };
    assert_eq!(error.into_chunk(), "too long".into());
    assert!(stream.write("ok").is_ok(), "the stream goes on");
}

#[test]
fn the_unfinished_of_a_failed_stream_has_its_cause() {
    let full = on_write(|_| Err(io::ErrorKind::StorageFull.into()));
    let mut out = Writable::builder().spawn(full).expect("there are threads");
    let _flow = out.write("a line").expect("it is open");
    out.closed().wait().expect_err("the disk is full");
    let unfinished = out.destroy().wait().expect("no worker is on this stack");
    let cause = unfinished.cause.expect("it has failed before");
    assert_eq!(cause.code(), "ENOSPC");
    assert_eq!(unfinished.unsent.len(), 1);
}

#[test]
fn a_stream_that_was_destroyed_for_no_reason_has_no_cause() {
    let (mut out, worker) = Writable::builder().pair(Vec::new());
    let _flow = out.write("a line").expect("it is open");
    let (writer, mut delivered) = (out.writer(), out.delivered(6));
    let destroy = out.destroy();
    futures::executor::block_on(worker);
    assert!(matches!(delivered.wait(), Err(WaitError::Destroyed)));
    assert!(poll_once(destroy).expect("it is closed").cause.is_none());
    assert!(matches!(writer.closed().wait(), Err(WaitError::Destroyed)));
    assert!(matches!(
        writer.write("late"),
        Err(WriteError::Destroyed { .. })
    ));
}

#[test]
fn no_error_shows_the_bytes() {
    let (out, _worker) = Writable::builder()
        .high_water_mark(4)
        .limit(4)
        .pair(Vec::new());
    let writer = out.writer();
    let refused = writer.write_chunk("secret").expect_err("it is too long");
    let sending = writer.send("secret");
    let sent = writer.send("secret").wait().expect_err("it is too long");
    let end = out.end_with("secret").wait().expect_err("it is too long");
    for text in [
        format!("{refused:?} {refused}"),
        format!("{sending:?}"),
        format!("{sent:?} {sent}"),
        format!("{end:?} {end}"),
    ] {
        assert!(!text.contains("secret"), "{text}");
    }
}

/// Fails with this error, as a source and as a sink.
struct Fails;

impl Fails {
    fn error() -> io::Error {
        io::Error::other(Upload(io::Error::other("disk full")))
    }
}

impl io::Read for Fails {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(Self::error())
    }
}

impl io::Write for Fails {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(Self::error())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(Self::error())
    }
}

#[test]
fn a_pipe_says_why_once() {
    let out = Writable::builder()
        .spawn(Vec::new())
        .expect("there are threads");
    let error = out.pipe(Fails).expect_err("the source fails");
    let text = "the source failed: the upload was refused: disk full";
    assert_eq!(chain(&error), text);
    let PipeError::Read { unfinished, .. } = error else {
        panic!("{error:?}");
    };
    let cause = unfinished.cause.expect("the stream was destroyed for it");
    assert_eq!(cause.to_string(), "the upload was refused");
    let out = Writable::builder().spawn(Fails).expect("there are threads");
    let error = out.pipe(&b"a line"[..]).expect_err("the sink fails");
    assert_eq!(chain(&error), "the upload was refused: disk full");
}

/// Is interrupted before each of its bytes.
struct Interrupted(u32);

impl io::Read for Interrupted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0 += 1;
        match self.0 {
            6.. => Ok(0),
            odd if odd % 2 == 1 => Err(io::ErrorKind::Interrupted.into()),
            _ => {
                buffer[0] = b'x';
                Ok(1)
            }
        }
    }
}

impl futures::io::AsyncRead for Interrupted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(io::Read::read(&mut *self, buffer))
    }
}

#[test]
fn a_source_that_is_interrupted_is_read_again() {
    let out = Writable::builder()
        .spawn(Vec::new())
        .expect("there are threads");
    let done = out.pipe(Interrupted(0)).expect("nothing fails");
    assert_eq!(done.sink, b"xx");
    let (out, worker) = Writable::builder().pair(Vec::new());
    let pipe = out.pipe_async(Interrupted(0));
    let (piped, ()) = futures::executor::block_on(futures::future::join(pipe, worker));
    assert_eq!(piped.expect("nothing fails").sink, b"xx");
}

/// Gives a byte, then says that it gave more than it was asked for, and ends.
struct Lies(u32);

impl io::Read for Lies {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        buffer[0] = b'x';
        self.0 += 1;
        Ok(match self.0 {
            1 => 1,
            2 => buffer.len() + 1,
            _ => 0,
        })
    }
}

impl futures::io::AsyncRead for Lies {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(io::Read::read(&mut *self, buffer))
    }
}

#[test]
fn a_source_that_says_it_gave_more_than_it_was_asked_for_fails_the_pipe() {
    let out = Writable::builder()
        .spawn(Vec::new())
        .expect("there are threads");
    let blocking = out.pipe(Lies(0)).expect_err("the source lies");
    let (out, worker) = Writable::builder().pair(Vec::new());
    let pipe = out.pipe_async(Lies(0));
    let (piped, ()) = futures::executor::block_on(futures::future::join(pipe, worker));
    for error in [blocking, piped.expect_err("the source lies")] {
        let text = "the source failed: the source says that it gave more than it was asked for";
        assert_eq!(chain(&error), text);
        let PipeError::Read { source, unfinished } = error else {
            panic!("{error:?}");
        };
        assert_eq!(source.kind(), io::ErrorKind::InvalidData);
        assert_eq!(unfinished.totals.accepted, 1, "what it gave, and no more");
    }
}

#[test]
fn a_pipe_into_a_stream_that_was_closed_says_so() {
    let (mut out, worker) = Writable::builder().pair(futures::io::Cursor::new(Vec::new()));
    assert!(poll_once(futures::io::AsyncWriteExt::close(&mut out)).is_none());
    let pipe = out.pipe_async(&b"late"[..]);
    let (piped, ()) = futures::executor::block_on(futures::future::join(pipe, worker));
    let error = piped.expect_err("it has ended");
    assert_eq!(error.code(), "ERR_STREAM_WRITE_AFTER_END");
}

#[test]
fn a_worker_that_cannot_be_started_says_why_once() {
    let builder = Writable::builder().thread_name("zero\0byte");
    let error = builder.spawn(Vec::new()).expect_err("no such name");
    assert_eq!(
        chain(&error),
        "the worker of the stream could not be started: the name of the thread has a zero byte"
    );
}

/// An owner and a producer, as what existing code writes to.
#[test]
fn a_flush_that_fails_says_why_once() {
    let mut out = Writable::builder().spawn(Fails).expect("there are threads");
    let mut view = out.writer().blocking();
    let error = io::Write::flush(&mut out).expect_err("the sink fails");
    assert_eq!(chain(&error), "the upload was refused: disk full");
    let error = io::Write::flush(&mut view).expect_err("it has failed");
    assert_eq!(chain(&error), "the upload was refused: disk full");
}

/// A datagram that is too long for its protocol.
#[test]
fn a_datagram_that_is_too_long_has_the_name_of_its_error() {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("loopback");
    let address = socket.local_addr().expect("it is bound");
    socket.connect(address).expect("loopback");
    let mut out = Writable::builder()
        .spawn(on_write(move |bytes| socket.send(bytes)))
        .expect("there are threads");
    let _flow = out.write_chunk(vec![0; 70_000]).expect("it is open");
    let error = out.end().wait().expect_err("it is too long");
    assert_eq!(error.code(), "EMSGSIZE");
}

/// The C library describes the errors that the system has.
#[cfg(target_os = "linux")]
#[test]
fn every_error_of_the_system_has_a_name_of_its_own() {
    let described = |number: &i32| {
        let text = io::Error::from_raw_os_error(*number).to_string();
        !text.starts_with("Unknown error")
    };
    let code = |number| Cause::from(io::Error::from_raw_os_error(number)).code();
    let numbers: Vec<i32> = (1..4096).filter(described).collect();
    assert!(numbers.len() > 100, "{numbers:?}");
    let names: std::collections::BTreeSet<_> = numbers.iter().map(|n| code(*n)).collect();
    assert_eq!(names.len(), numbers.len(), "{names:?}");
    assert!(names.iter().all(|name| name.starts_with('E')), "{names:?}");
    let some = [1, 5, 28, 32, 90, 104, 122].map(code);
    let expected = [
        "EPERM",
        "EIO",
        "ENOSPC",
        "EPIPE",
        "EMSGSIZE",
        "ECONNRESET",
        "EDQUOT",
    ];
    assert_eq!(some, expected);
    assert_eq!([0, -1, 41, 4096, i32::MAX].map(code), ["UNKNOWN"; 5]);
}

/// A library wraps the error of the system; or the sink of a stream is another stream.
#[cfg(target_os = "linux")]
#[test]
fn an_error_within_another_keeps_its_name() {
    let system = || io::Error::from_raw_os_error(90);
    let name = "EMSGSIZE";
    let wrapped = Cause::from(io::Error::other(Upload(system())));
    assert_eq!(wrapped.code(), name);
    let kind = io::Error::new(io::ErrorKind::TimedOut, "in a proxy");
    assert_eq!(Cause::from(kind).code(), "ETIMEDOUT");

    // A sink that is a stream. One that panics has no number of the system's.
    for (panics, name) in [(false, name), (true, "PANIC")] {
        let fail = move |_: &[u8]| match panics {
            true => panic!("on purpose"),
            false => Err(system()),
        };
        let inner = Writable::builder().spawn(on_write(fail));
        let inner = inner.expect("there are threads");
        let mut outer = Writable::builder().spawn(inner).expect("there are threads");
        let _flow = outer.write("a line").expect("it is open");
        let error = outer.end().wait().expect_err("the inner sink fails");
        assert_eq!(error.code(), name);
    }
}

#[test]
fn an_error_without_a_number_keeps_its_kind() {
    let full = on_write(|_| Err(io::Error::new(io::ErrorKind::StorageFull, "no room")));
    let mut out = Writable::builder().spawn(full).expect("there are threads");
    let _flow = out.write("a line").expect("it is open");
    let error = io::Error::from(out.end().wait().expect_err("it is full"));
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!(error.to_string(), "no room");
}

/// By the kind of an `io::Error`, a program decides whether to try again.
#[test]
fn each_error_of_a_wait_has_its_kind() {
    use io::ErrorKind::{BrokenPipe, Deadlock, InvalidInput, TimedOut, Unsupported};
    let (out, _worker) = Writable::builder().pair(Vec::new());
    let early = poll_once(out.delivered(1)).expect("it is an error at once");
    let early = early.expect_err("nothing was written");
    assert!(matches!(early, WaitError::NotAccepted { .. }), "{early:?}");
    let kinds = [
        (early, InvalidInput),
        (WaitError::TimedOut, TimedOut),
        (WaitError::WouldDeadlock, Deadlock),
        (WaitError::Forked, Unsupported),
        (WaitError::Ended, BrokenPipe),
    ];
    for (error, kind) in kinds {
        let shown = format!("{error:?}");
        assert_eq!(io::Error::from(error).kind(), kind, "{shown}");
    }
}

#[test]
fn what_is_left_of_a_stream_can_be_printed_without_its_sink() {
    let sink = || on_write(|bytes: &[u8]| Ok(bytes.len()));
    let mut out = Writable::builder()
        .spawn(sink())
        .expect("there are threads");
    let _flow = out.write("a line").expect("it is open");
    let finished = out.end().wait().expect("the sink takes it");
    let shown = format!("{finished:?}");
    assert!(
        shown.contains("accepted: 6") && shown.contains("flushed: 6"),
        "{shown}"
    );

    let (mut out, worker) = Writable::builder().pair(Vec::<u8>::new());
    let _flow = out.write("a line").expect("it is open");
    let mut destroy = out.destroy();
    drop(worker);
    let unfinished = destroy.wait();
    let shown = format!("{unfinished:?}");
    assert!(
        shown.contains("1 chunks") && shown.contains("accepted: 6"),
        "{shown}"
    );
}

/// The cause is the text of the error, and what is behind the cause is its source.
#[test]
fn an_end_has_the_sources_of_its_cause() {
    let upload = || io::Error::other(Upload(io::Error::other("disk full")));
    let sink = on_write(move |_| Err(upload()));
    let mut out = Writable::builder().spawn(sink).expect("there are threads");
    let _flow = out.write("a line").expect("it is open");
    let error = out.end().wait().expect_err("the sink fails");
    assert_eq!(chain(&error), "the upload was refused: disk full");
}

#[test]
fn each_error_of_a_write_has_its_kind() {
    use io::ErrorKind::{BrokenPipe, InvalidInput, StorageFull};
    let small = Writable::builder().high_water_mark(4).limit(4);
    let (out, worker) = small.pair(Vec::<u8>::new());
    let writer = out.writer();
    let long = writer.write("too long").expect_err("it never fits");
    let end = out.end();
    let late = writer.write("late").expect_err("it has ended");
    drop((end, worker));

    let full = on_write(|_| Err(StorageFull.into()));
    let mut out = Writable::builder().spawn(full).expect("there are threads");
    let _flow = out.write("a line").expect("it is open");
    out.closed().wait().expect_err("the disk is full");
    let writer = out.writer();
    let failed = writer.write("late").expect_err("it has failed");
    for (error, kind) in [
        (long, InvalidInput),
        (late, BrokenPipe),
        (failed, StorageFull),
    ] {
        let shown = format!("{error:?}");
        assert_eq!(io::Error::from(error).kind(), kind, "{shown}");
    }
}
