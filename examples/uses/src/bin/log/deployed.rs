//! Logs as a service has them, each into a sink that it really has: what each costs the threads,
//! and what is lost.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::Duration;

use highwater::log::{Log, LogBuilder, WhenFull};
use highwater::sink::Reopen;
use highwater::{Builder, Writable};
use highwater_uses::Failure;
use highwater_uses::progress::Bar;
use tracing_appender::non_blocking::NonBlockingBuilder;
use tracing_subscriber::fmt::MakeWriter;

use crate::events::{Events, Rotation};
use crate::{Arguments, verify, was_interrupted};

/// Where it is written, and by whom it is interrupted.
struct Round<'a> {
    arguments: &'a Arguments,
    folder: &'a Path,
    interrupted: &'a Receiver<()>,
}

/// What a way has done, as it says itself.
struct Took {
    /// Of the threads.
    logging: Duration,
    /// Until all was written.
    all: Duration,
    /// How many lines it says are lost.
    counted: u64,
}

type Way = (&'static str, fn(&Round<'_>) -> Result<Took, Failure>);

const WAYS: [Way; 7] = [
    ("tracing-appender's rolling file, waits", |round| {
        round.appender(false)
    }),
    ("tracing-appender's rolling file, drops", |round| {
        round.appender(true)
    }),
    (
        "highwater into tracing-appender's rolling file, waits",
        |round| round.appender_as_sink(),
    ),
    ("highwater into a file that is moved away, waits", |round| {
        round.moved()
    }),
    ("highwater into that file, waits at most 1 ms", |round| {
        round.dropping(WhenFull::WaitAtMost(Duration::from_millis(1)))
    }),
    ("highwater into that file, drops", |round| {
        round.dropping(WhenFull::Drop)
    }),
    ("highwater into a datagram a line, tried again", |round| {
        round.datagrams()
    }),
];

/// Each way once, and a table. Ours lose no line that they do not count and report.
pub(crate) fn compare(
    arguments: &Arguments,
    folder: &Path,
    interrupted: &Receiver<()>,
) -> Result<String, Failure> {
    let events = arguments.events;
    let mut text = format!(
        "as a service has it, {events} events from {} threads:\n  \
         | who | lines a second | ns an event, for the threads | lost | counted as lost | said in the log |\n  \
         | --- | --- | --- | --- | --- | --- |\n",
        arguments.threads,
    );
    for (name, way) in WAYS {
        let folder = folder.join("deployed");
        fs::create_dir(&folder).map_err(|error| Failure::of("a folder", &error))?;
        let round = Round {
            arguments,
            folder: &folder,
            interrupted,
        };
        let took = way(&round)?;
        let (found, said) = round.found()?;
        let lost = events.saturating_sub(found);
        if name.starts_with("highwater") && (took.counted, said) != (lost, lost) {
            let counted = took.counted;
            let text = format!("{name}: {lost} are lost, {counted} counted, {said} reported");
            return Err(Failure::new(text));
        }
        let second = found as f64 / took.all.as_secs_f64();
        let each = took.logging.as_secs_f64() * 1e9 / events.max(1) as f64;
        let counted = took.counted;
        let _ = writeln!(
            text,
            "  | {name} | {second:.0} | {each:.0} | {lost} | {counted} | {said} |"
        );
        fs::remove_dir_all(&folder).map_err(|error| Failure::of("a folder", &error))?;
    }
    Ok(text)
}

impl Round<'_> {
    /// As tracing-appender's own documentation has it.
    fn appender(&self, lossy: bool) -> Result<Took, Failure> {
        let file = tracing_appender::rolling::daily(self.folder, "log");
        let (writer, guard) = NonBlockingBuilder::default().lossy(lossy).finish(file);
        let lost = writer.error_counter();
        let events = self.events(None, writer);
        let Some(logging) = events.wait(self.interrupted, &self.bar()) else {
            let text = "in tracing-appender, which does not tell";
            return Err(Failure::interrupted(text));
        };
        let logging = logging?;
        drop(guard);
        Ok(Took {
            logging,
            all: events.started().elapsed(),
            counted: lost.dropped_lines() as u64,
        })
    }

    fn appender_as_sink(&self) -> Result<Took, Failure> {
        let file = tracing_appender::rolling::daily(self.folder, "log");
        self.log(Log::builder().stream(self.stream()), file, None)
            .map(|(took, _)| took)
    }

    fn moved(&self) -> Result<Took, Failure> {
        self.reopened(Log::builder().stream(self.stream()))
    }

    fn dropping(&self, when_full: WhenFull) -> Result<Took, Failure> {
        let log = Log::builder().stream(self.stream()).when_full(when_full);
        self.reopened(log.report_dropped(verify::report))
    }

    fn reopened(&self, log: LogBuilder) -> Result<Took, Failure> {
        let path = self.path();
        let file = Reopen::open(&path).map_err(|error| self.failed(&error))?;
        let rotation = Rotation::new(&path, file.reopener());
        self.log(log, file, Some(rotation)).map(|(took, _)| took)
    }

    /// A reader puts the datagrams into a file. The sink does not block: a full socket is an
    /// error that time mends.
    fn datagrams(&self) -> Result<Took, Failure> {
        let failed = |error: io::Error| self.failed(&error);
        let (near, far) = UnixDatagram::pair().map_err(failed)?;
        near.set_nonblocking(true).map_err(failed)?;
        let path = self.path();
        let reader = thread::spawn(move || read_datagrams(&far, &path));
        let is_full = |error: &io::Error| error.kind() == ErrorKind::WouldBlock;
        let stream = self.stream().records(true);
        let stream = stream.retry_if(is_full, |_| Duration::from_micros(20));
        let log = Log::builder().stream(stream);
        let (took, near) = self.log(log, Datagrams(near), None)?;
        near.0.set_nonblocking(false).map_err(failed)?;
        // The end.
        near.0.send(&[]).map_err(failed)?;
        let read = reader
            .join()
            .map_err(|_| Failure::new("the reader has panicked"))?;
        read.map_err(failed)?;
        Ok(took)
    }

    /// Logs all events into this sink, and gives it back.
    fn log<W: Write + Send + 'static>(
        &self,
        log: LogBuilder,
        sink: W,
        rotation: Option<Rotation>,
    ) -> Result<(Took, W), Failure> {
        let log = log.on_error(|_| ()).spawn(sink); // `end` says it too
        let log = log.map_err(|error| self.failed(&error.source))?;
        let writer = log.writer();
        let events = self.events(rotation, log.writer());
        let Some(logging) = events.wait(self.interrupted, &self.bar()) else {
            return Err(was_interrupted(log.destroy()));
        };
        let logging = logging?;
        let finished = log.end().wait().map_err(|error| self.failed(&error))?;
        let took = Took {
            logging,
            all: events.started().elapsed(),
            counted: writer.dropped() as u64,
        };
        Ok((took, finished.sink))
    }

    fn stream(&self) -> Builder {
        Writable::builder().high_water_mark(self.arguments.high_water_mark)
    }

    fn events<W>(&self, rotation: Option<Rotation>, writer: W) -> Events
    where
        W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
    {
        let (events, threads) = (self.arguments.events, self.arguments.threads);
        Events::start(events, threads, rotation, writer)
    }

    fn bar(&self) -> Bar {
        self.arguments.bar(self.arguments.events, "as a service")
    }

    fn path(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// How many lines arrived, and how many others the log says were dropped. A file that was
    /// moved away comes first.
    fn found(&self) -> Result<(u64, u64), Failure> {
        let files = fs::read_dir(self.folder).and_then(|files| {
            let paths = files.map(|file| file.map(|file| file.path()));
            paths.collect::<Result<Vec<_>, _>>()
        });
        let mut files = files.map_err(|error| self.failed(&error))?;
        files.sort_by(|a, b| b.cmp(a));
        verify::found(&files, 0, self.arguments.threads)
    }

    fn failed(&self, error: &dyn std::error::Error) -> Failure {
        Failure::of(&self.folder.display().to_string(), error)
    }
}

struct Datagrams(UnixDatagram);

impl Write for Datagrams {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        self.0.send(record)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Each of them is a line.
fn read_datagrams(socket: &UnixDatagram, path: &Path) -> io::Result<()> {
    let (mut text, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let len = socket.recv(&mut buffer)?;
        let datagram = buffer.get(..len).unwrap_or_default();
        let ends = datagram.iter().filter(|byte| **byte == b'\n').count();
        match (len, ends, datagram.last()) {
            (0, ..) => return fs::write(path, text),
            (_, 1, Some(b'\n')) => text.extend_from_slice(datagram),
            _ => return Err(io::Error::other("a datagram is no line")),
        }
    }
}
