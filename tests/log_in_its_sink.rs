//! Sinks that log into their own log.
#![cfg(feature = "tracing")]

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread;

use highwater::Writable;
use highwater::log::{Log, LogWriter};

type Checked = Result<(), highwater::BoxError>;

/// Logs into its own log.
struct Echo {
    log: Arc<OnceLock<LogWriter>>,
    taken: Vec<u8>,
}

impl Write for Echo {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let (true, Some(mut log)) = (self.taken.is_empty(), self.log.get()) {
            for _ in 0..3 {
                log.write_all(b"from the sink\n")?;
            }
            let flushed = log.flush().map_err(|error| error.kind());
            assert_eq!(flushed, Err(io::ErrorKind::Deadlock));
        }
        self.taken.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_sink_that_logs_into_its_own_log_does_not_wait_for_itself() -> Checked {
    let own = Arc::new(OnceLock::new());
    let sink = Echo {
        log: Arc::clone(&own),
        taken: Vec::new(),
    };
    let log = Log::builder()
        .stream(Writable::builder().high_water_mark(1))
        .spawn(sink)?;
    assert!(own.set(log.writer()).is_ok());
    log.writer().write_all(b"hello\n")?;
    log.flush().wait()?;
    let text = String::from_utf8(log.end().wait()?.sink.taken)?;
    assert_eq!(text, format!("hello\n{}", "from the sink\n".repeat(3)));
    Ok(())
}

/// Logs two lines into its own log. After that it takes all but the last byte of what is
/// there, and that byte only once a thread that waits for room has gone on.
struct EchoThenWait {
    log: Arc<OnceLock<LogWriter>>,
    has_echoed: Sender<()>,
    waits: Receiver<()>,
    goes_on: Receiver<()>,
    taken: usize,
}

const HELLO: &[u8] = b"hello\n";
const ECHO: &[u8] = b"from the sink\n";
/// A position: what comes before it is there when the thread begins to wait.
const LAST: usize = HELLO.len() + 2 * ECHO.len() - 1;

impl Write for EchoThenWait {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let (0, Some(mut log)) = (self.taken, self.log.get()) {
            log.write_all(ECHO)?;
            log.write_all(ECHO)?; // there is no room for it, and it cannot wait
            let _ = self.has_echoed.send(());
        } else if self.taken == HELLO.len() {
            let _ = self.waits.recv();
            // Nothing shows when it is in line: with some turns it is.
            (0..1000).for_each(|_| thread::yield_now());
        } else if self.taken == LAST {
            let _ = self.goes_on.recv();
        }
        let max = LAST.checked_sub(self.taken).filter(|max| *max > 0);
        let count = bytes.len().min(max.unwrap_or(usize::MAX));
        self.taken += count;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// It does not stand in the line for room.
#[test]
fn a_sink_that_logs_into_its_own_log_leaves_its_turn_to_the_next() -> Checked {
    let own = Arc::new(OnceLock::new());
    let ((has_echoed, echoed), (waits, waiting)) = (channel(), channel());
    let (goes_on, going_on) = channel();
    let sink = EchoThenWait {
        log: Arc::clone(&own),
        has_echoed,
        waits: waiting,
        goes_on: going_on,
        taken: 0,
    };
    let log = Log::builder()
        .stream(Writable::builder().high_water_mark(8).low_water_mark(4))
        .spawn(sink)
        .expect("a thread can be started");
    assert!(own.set(log.writer()).is_ok());
    log.writer().write_all(HELLO)?;
    echoed.recv()?;
    waits.send(())?;
    log.writer().write_all(b"more\n")?;
    goes_on.send(())?;
    let done = log.end().wait().expect("nothing fails");
    assert_eq!(done.sink.taken, LAST + 1 + b"more\n".len());
    Ok(())
}
