//! A wait of a thread on the stack of the stream's own worker returns an error, as it would
//! deadlock.

use std::io::{self, Write};
use std::panic;
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use highwater::{EndError, Event, OnDrop, PipeError, WaitError, Writable, Writer};
use highwater_testkit::deadlocks::{assert_all_deadlock, waits};
use highwater_testkit::sinks::at_first_write;

type Checked = Result<(), highwater::BoxError>;

/// A stream of mark 1, whose sink is used with a handle to it.
fn over(
    first: impl FnOnce(Writer) -> io::Result<()> + Send + 'static,
) -> io::Result<Writable<impl Write + Send + 'static>> {
    let (give, take) = channel();
    let sink = at_first_write(move || first(take.recv().expect("it is given")));
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
    assert_all_deadlock("the worker", &told.recv()?);
    let done = out.end().wait().map_err(io::Error::from)?;
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
    let out = builder.spawn_with(|| Ok(Vec::new()))?;
    drop(give.send(out.writer()));
    assert_all_deadlock("the worker", &told.recv()?);
    out.end().wait()?;
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
        let flushed = writer.map(|writer| writer.flush().wait());
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
    let failed = out.end().wait().expect_err("the sink has panicked");
    assert_eq!(failed.code(), "PANIC");
    Ok(())
}

type Boxed = Box<dyn Write + Send>;

/// Gives a sink its own stream, in its first call; what it does with the stream.
fn with_its_own_stream<T: Send + 'static>(
    policy: OnDrop,
    first: impl FnOnce(Writable<Boxed>) -> T + Send + 'static,
) -> Result<T, highwater::BoxError> {
    let (send, owner) = channel::<Writable<Boxed>>();
    let (tell, told) = channel();
    let sink: Boxed = Box::new(at_first_write(move || {
        let did = first(owner.recv().expect("it is sent"));
        drop(tell.send(did));
        Ok(())
    }));
    let mut out = Writable::builder()
        .on_drop(policy)
        .spawn(sink)
        .map_err(io::Error::from)?;
    let _flow = out.write("x")?;
    drop(send.send(out));
    Ok(told.recv()?)
}

#[test]
fn an_end_on_the_thread_of_the_worker_does_not_wait() -> Checked {
    for policy in [
        OnDrop::Finish,
        OnDrop::FinishWithin(Duration::MAX),
        OnDrop::Discard,
        OnDrop::Detach,
    ] {
        with_its_own_stream(policy, |out| {
            let mut end = out.end();
            for _ in 0..2 {
                assert!(matches!(end.wait(), Err(EndError::WouldDeadlock)));
                let in_time = end.wait_timeout(Duration::MAX);
                assert!(matches!(in_time, Err(EndError::WouldDeadlock)));
            }
            // And its drop does not wait, either.
            drop(end);
        })?;
    }
    Ok(())
}

#[test]
fn a_destroy_on_the_thread_of_the_worker_does_not_wait() -> Checked {
    let unfinished = with_its_own_stream(OnDrop::Finish, |mut out| {
        let _flow = out.write("never written");
        let mut destroy = out.destroy();
        assert!(matches!(destroy.wait(), Err(WaitError::WouldDeadlock)));
        destroy.give_up()
    })?;
    let unsent: usize = unfinished.unsent.iter().map(|chunk| chunk.len()).sum();
    assert_eq!((unsent, unfinished.in_doubt), (13, 1));
    Ok(())
}

#[test]
fn a_pipe_on_the_thread_of_the_worker_does_not_wait() -> Checked {
    let sources: [&'static [u8]; 2] = [b"", &[7; 100_000]];
    for source in sources {
        let error = with_its_own_stream(OnDrop::Finish, move |out| out.pipe(source).err())?;
        let error = error.ok_or("it has waited for itself")?;
        assert_eq!(error.code(), "EDEADLK");
        let PipeError::Write { unfinished, .. } = &error else {
            return Err("the source has not failed".into());
        };
        assert_eq!(unfinished.in_doubt, 1);
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::Deadlock);
    }
    Ok(())
}

#[test]
fn a_drop_on_the_thread_of_the_worker_discards_and_the_observer_learns_it() -> Checked {
    let (send, owner) = channel::<Writable<Boxed>>();
    let (tell, told) = channel();
    let sink: Boxed = Box::new(at_first_write(move || {
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
