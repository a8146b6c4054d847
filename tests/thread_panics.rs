//! The stream with its thread on code of users that panics: sinks, sources, observers,
//! chunks, and what a panic brings along.

use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::executor::block_on;
use highwater::{BoxError, Cause, EndError, Flow, Writable, WriteError};
use highwater_testkit::sinks::on_write;

/// Ends a stream that fails. Returns the code of its cause, and what was not delivered.
fn failure<W>(out: Writable<W>) -> (&'static str, Vec<u8>) {
    match out.end().wait() {
        Err(EndError::Failed {
            cause, unfinished, ..
        }) => {
            let unsent = unfinished.unsent.into_iter();
            (
                cause.code(),
                unsent.flat_map(|chunk| chunk.into_vec()).collect(),
            )
        }
        other => panic!("the stream should have failed: {other:?}"),
    }
}

#[test]
fn a_sink_that_panics_is_an_error() -> Result<(), BoxError> {
    let sink = on_write(|_| panic!("no paper"));
    let mut out = Writable::builder().spawn(sink)?;
    assert_eq!(out.write("hello")?, Flow::More);
    let late = out.writer();
    let (code, unsent) = failure(out);
    assert_eq!((code, unsent.as_slice()), ("PANIC", &b"hello"[..]));
    let Err(WriteError::Failed { cause, .. }) = late.write("late") else {
        panic!("the stream has failed");
    };
    assert!(matches!(&cause, Cause::Panic(text) if &**text == "the sink panicked: no paper"));
    Ok(())
}

#[test]
fn an_opener_that_panics_is_named() -> Result<(), BoxError> {
    let opener = || -> std::io::Result<Vec<u8>> { panic!("no key") };
    let error = Writable::builder().spawn_with(opener)?.end().wait();
    let error = error.expect_err("it cannot be opened");
    assert_eq!(error.to_string(), "the opener panicked: no key");
    assert_eq!(error.code(), "PANIC");
    Ok(())
}

#[test]
fn an_observer_that_panics_stops_nothing() -> Result<(), BoxError> {
    let mut out = Writable::builder()
        .observer(|_| panic!("I do not want to know"))
        .spawn_with(|| Ok(Vec::new()))?;
    assert_eq!(out.write("hello")?, Flow::More);
    assert_eq!(out.end().wait()?.sink, b"hello");
    Ok(())
}

/// Panics when it is dropped.
struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("dropped");
        }
    }
}

#[test]
fn an_observer_or_a_panic_that_panics_when_dropped_harms_no_stream() -> Result<(), BoxError> {
    let grenade = Grenade;
    let mut out = Writable::builder()
        .observer(move |_| {
            let _ = &grenade;
        })
        .spawn(Vec::new())?;
    assert_eq!(out.write("hello")?, Flow::More);
    assert_eq!(out.end().wait()?.sink, b"hello");

    let sink = on_write(|_| std::panic::panic_any(Grenade));
    let mut out = Writable::builder().spawn(sink)?;
    assert_eq!(out.write("hello")?, Flow::More);
    let (code, unsent) = failure(out);
    assert_eq!((code, unsent.as_slice()), ("PANIC", &b"hello"[..]));
    Ok(())
}

#[test]
fn a_source_that_panics_destroys_the_stream() -> Result<(), BoxError> {
    struct Panics(bool);
    impl Read for Panics {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            assert!(!std::mem::replace(&mut self.0, true), "half way");
            buffer[0] = b'x';
            Ok(1)
        }
    }
    impl futures::AsyncRead for Panics {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(self.read(buffer))
        }
    }
    type Pipe = fn(Writable<Vec<u8>>);
    let blocking: Pipe = |out| drop(out.pipe(Panics(false)));
    let polled: Pipe = |out| drop(block_on(out.pipe_async(Panics(false))));
    for pipe in [blocking, polled] {
        let (tell, told) = std::sync::mpsc::channel();
        let out = Writable::builder()
            .observer(move |event| drop(tell.send(format!("{event:?}"))))
            .spawn(Vec::new())?;
        let writer = out.writer();
        let panic = std::thread::spawn(move || pipe(out)).join();
        let panic = panic.expect_err("the panic of the source goes on");
        assert!(
            panic
                .downcast_ref::<&str>()
                .is_some_and(|text| text.starts_with("half way"))
        );
        let error = writer.closed().wait().expect_err("it has not finished");
        assert_eq!(error.to_string(), "the source panicked");
        drop(writer);
        let events: Vec<_> = told.iter().collect();
        assert!(!events.iter().any(|event| event == "Finish"), "{events:?}");
        assert_eq!(events.last().map(String::as_str), Some("Close"));
    }
    Ok(())
}

#[test]
fn chunks_and_sinks_that_panic_when_they_are_dropped() -> Result<(), BoxError> {
    struct Owner(Grenade);
    impl AsRef<[u8]> for Owner {
        fn as_ref(&self) -> &[u8] {
            let _ = &self.0;
            b"0123456789"
        }
    }
    let mut out = Writable::builder().spawn(Vec::new())?;
    {
        let mut corked = out.cork()?;
        let chunk = bytes::Bytes::from_owner(Owner(Grenade));
        assert_eq!(corked.write_chunk(chunk)?, Flow::More);
        assert_eq!(corked.write("abc")?, Flow::More);
    }
    assert_eq!(out.end().wait()?.sink, b"0123456789abc");

    let (go_on, wait) = std::sync::mpsc::channel::<()>();
    let grenade = Grenade;
    let sink = on_write(move |bytes| {
        let _ = (&grenade, wait.recv());
        Ok(bytes.len())
    });
    let (tell, told) = std::sync::mpsc::channel();
    let mut out = Writable::builder()
        .on_drop(highwater::OnDrop::Discard)
        .observer(move |event| drop(tell.send(format!("{event:?}"))))
        .spawn(sink)
        .map_err(io::Error::from)?;
    assert_eq!(out.write("hello")?, Flow::More);
    drop(out);
    drop(go_on);
    // The observer goes just before the sink.
    assert_eq!(told.iter().collect::<Vec<_>>(), ["Close"]);
    Ok(())
}
