//! A wait on the thread of the stream's own worker returns an error: it would never end.

use std::io::{self, Write};
use std::panic;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use highwater::{EndError, Event, OnDrop, WaitError, Writable, Writer};

type Checked = Result<(), highwater::BoxError>;

/// Each wait of a producer, by name, and the code of the error that it returns.
fn waits(writer: &Writer) -> Vec<(&'static str, &'static str)> {
    let code = |result: Result<(), WaitError>| result.map_or_else(|error| error.code(), |()| "ok");
    let blocking = |writer: &Writer| {
        let written = writer.blocking().write_all(b"more than there is room for");
        match written.map_err(|error| error.kind()) {
            Err(io::ErrorKind::Deadlock) => "EDEADLK",
            other => panic!("{other:?}"),
        }
    };
    vec![
        ("wait_drain", code(writer.wait_drain())),
        (
            "wait_drain_timeout",
            code(writer.wait_drain_timeout(Duration::MAX)),
        ),
        (
            "wait_delivered",
            code(writer.wait_delivered(writer.position())),
        ),
        ("flush", code(writer.flush())),
        ("blocking", blocking(writer)),
    ]
}

fn assert_all_would_deadlock(told: &Receiver<Vec<(&'static str, &'static str)>>) {
    let waits = told.recv().expect("the waits have returned");
    assert_eq!(waits.len(), 5);
    for (wait, code) in waits {
        assert_eq!(code, "EDEADLK", "{wait}");
    }
}

/// A sink that does something at its first call.
struct First<F>(Option<F>);

impl<F: FnOnce() -> io::Result<()>> Write for First<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(()), |first| first())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream of mark 1, whose sink is used with a handle to it.
fn over(
    first: impl FnOnce(Writer) -> io::Result<()> + Send + 'static,
) -> io::Result<Writable<impl Write + Send + 'static>> {
    let (give, take) = channel();
    let sink = First(Some(move || first(take.recv().expect("it is given"))));
    let out = Writable::builder().high_water_mark(1).spawn(sink)?;
    drop(give.send(out.writer()));
    Ok(out)
}

#[test]
fn a_sink_that_waits_for_its_own_stream_gets_an_error() -> Checked {
    let (tell, told) = channel();
    let mut out = over(move |writer| {
        drop(tell.send(waits(&writer)));
        Ok(())
    })?;
    let _wait = out.write("x")?;
    assert_all_would_deadlock(&told);
    let done = out.end().map_err(io::Error::from)?;
    assert_eq!(done.totals.delivered, done.totals.accepted);
    Ok(())
}

#[test]
fn an_observer_that_waits_for_its_own_stream_gets_an_error() -> Checked {
    let (tell, told) = channel();
    let (give, take) = channel::<Writer>();
    let observer = move |event: Event| {
        if matches!(event, Event::Open) {
            let writer = take.recv().expect("it is given");
            let _wait = writer.write("x");
            drop(tell.send(waits(&writer)));
        }
    };
    let builder = Writable::builder().high_water_mark(1).observer(observer);
    let out = builder.open(|| Ok(Vec::new()))?;
    drop(give.send(out.writer()));
    assert_all_would_deadlock(&told);
    out.end()?;
    Ok(())
}

/// A logger flushes in a panic hook; the sink that has panicked is its own.
#[test]
fn a_panic_hook_that_flushes_the_stream_of_the_sink_gets_an_error() -> Checked {
    static WRITER: Mutex<Option<Writer>> = Mutex::new(None);
    static TELL: Mutex<Option<Sender<&str>>> = Mutex::new(None);
    let (tell, told) = channel();
    *TELL.lock().expect("no panic") = Some(tell);
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        // Only that of this sink: other tests run beside.
        if info.payload().downcast_ref::<&str>() != Some(&"a sink of the hook") {
            return before(info);
        }
        let writer = WRITER.lock().expect("no panic").clone();
        let flushed = writer.map(|writer| writer.flush());
        let code = flushed
            .and_then(Result::err)
            .map_or("ok", |error| error.code());
        let tell = TELL.lock().expect("no panic").take();
        let _ = tell.map(|tell| tell.send(code));
    }));
    let mut out = over(|_| panic!("a sink of the hook"))?;
    *WRITER.lock().expect("no panic") = Some(out.writer());
    let _wait = out.write("x")?;
    assert_eq!(told.recv()?, "EDEADLK");
    let failed = out.end().expect_err("the sink has panicked");
    assert_eq!(failed.code(), "PANIC");
    Ok(())
}

#[test]
fn an_end_on_the_thread_of_the_worker_hands_the_stream_back() -> Checked {
    for policy in [
        OnDrop::Finish,
        OnDrop::FinishWithin(Duration::MAX),
        OnDrop::Discard,
    ] {
        let (send, owner) = channel::<Writable<Box<dyn Write + Send>>>();
        let (tell, told) = channel();
        let sink = First(Some(move || {
            let out = owner.recv().expect("it is sent");
            let out = match out.end() {
                Err(EndError::WouldDeadlock(out)) => out,
                _ => panic!("it has waited for itself"),
            };
            // And its drop does not wait, either.
            drop(out);
            let _ = tell.send(());
            Ok(())
        }));
        let sink: Box<dyn Write + Send> = Box::new(sink);
        let mut out = Writable::builder()
            .on_drop(policy)
            .spawn(sink)
            .map_err(io::Error::from)?;
        let _flow = out.write("x")?;
        drop(send.send(out));
        told.recv()?;
    }
    Ok(())
}

#[test]
fn a_drop_on_the_thread_of_the_worker_discards_and_the_observer_learns_it() -> Checked {
    let (send, owner) = channel::<Writable<Box<dyn Write + Send>>>();
    let (tell, told) = channel();
    let sink = First(Some(move || {
        let mut out = owner.recv().expect("it is sent");
        let _flow = out.write("never written");
        drop(out);
        Ok(())
    }));
    let observer = move |event: Event| {
        if let Event::Error(cause) = event {
            drop(tell.send(cause.to_string()));
        }
    };
    let sink: Box<dyn Write + Send> = Box::new(sink);
    let mut out = Writable::builder()
        .observer(observer)
        .spawn(sink)
        .map_err(io::Error::from)?;
    let _flow = out.write("x")?;
    drop(send.send(out));
    let said = told.recv()?;
    assert!(
        said.contains("13 bytes are dropped, 1 are in doubt"),
        "{said}"
    );
    Ok(())
}
