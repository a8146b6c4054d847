//! The same with tracing-appender: what it costs the threads, and what is lost.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use highwater::Writable;
use highwater::log::{Log, WhenFull};
use highwater_uses::Failure;
use highwater_uses::progress::Bar;
use tracing_appender::non_blocking::NonBlockingBuilder;
use tracing_subscriber::fmt::MakeWriter;

use crate::events::Events;
use crate::{Arguments, verify, was_interrupted};

const ROUNDS: usize = 5;

/// As in the programs of tracing-appender, but buffered: that is faster.
const BUFFER: usize = 16 * 1024;

/// How many lines of this log tracing-appender holds by itself; and about as many
/// as 64 KiB are.
const MANY: usize = 128_000;
const FEW: usize = 1456;

/// Bytes of a line, about. The bounds are meant to be the same for both.
const LINE: usize = 45;

/// Seconds of the threads, seconds until all is written, lines that the way
/// itself says are lost.
struct Took {
    logging: f64,
    all: f64,
    lost: u64,
}

/// Where it is written, and by whom it is interrupted.
struct Round<'a> {
    arguments: &'a Arguments,
    path: &'a Path,
    interrupted: &'a Receiver<()>,
}

struct Way {
    name: &'static str,
    ours: bool,
    waits: bool,
    /// How many lines it holds.
    lines: usize,
}

const fn way(name: &'static str, ours: bool, waits: bool, lines: usize) -> Way {
    Way {
        name,
        ours,
        waits,
        lines,
    }
}

const WAYS: [Way; 7] = [
    way("tracing-appender, waits, 128,000 lines", false, true, MANY),
    way("highwater, waits, as many bytes", true, true, MANY),
    way("highwater, waits, 64 KiB", true, true, FEW),
    way("tracing-appender, drops, 128,000 lines", false, false, MANY),
    way("highwater, drops, as many bytes", true, false, MANY),
    way("tracing-appender, drops, 1,456 lines", false, false, FEW),
    way("highwater, drops, 64 KiB", true, false, FEW),
];

impl Round<'_> {
    fn go(&self, way: &Way) -> Result<Took, Failure> {
        if way.ours {
            self.highwater(way)
        } else {
            self.appender(way)
        }
    }

    fn highwater(&self, way: &Way) -> Result<Took, Failure> {
        let path = self.path.to_owned();
        let mark = (way.lines * LINE) as u64;
        let log = Log::builder()
            .stream(Writable::builder().high_water_mark(mark))
            .on_error(|_| ()) // what is lost is in the table
            .when_full(if way.waits {
                WhenFull::Wait
            } else {
                WhenFull::Drop
            })
            .spawn_with(move || File::create(path))
            .map_err(|error| self.failed(&error))?;
        let writer = log.writer();
        let events = self.events(log.writer());
        let Some(logging) = events.wait(self.interrupted, &self.bar(way)) else {
            return Err(was_interrupted(log.destroy()));
        };
        let logging = logging?;
        log.end().wait().map_err(|error| self.failed(&error))?;
        Ok(took(&events, logging, writer.dropped()))
    }

    fn appender(&self, way: &Way) -> Result<Took, Failure> {
        let file = File::create(self.path).map_err(|error| self.failed(&error))?;
        let (writer, guard) = NonBlockingBuilder::default()
            .lossy(!way.waits)
            .buffered_lines_limit(way.lines)
            .finish(BufWriter::with_capacity(BUFFER, file));
        let lost = writer.error_counter();
        let events = self.events(writer);
        let Some(logging) = events.wait(self.interrupted, &self.bar(way)) else {
            return Err(Failure::interrupted(
                "in tracing-appender, which does not tell",
            ));
        };
        let logging = logging?;
        drop(guard);
        Ok(took(&events, logging, lost.dropped_lines()))
    }

    fn events<W>(&self, writer: W) -> Events
    where
        W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
    {
        Events::start(self.arguments.events, self.arguments.threads, None, writer)
    }

    fn bar(&self, way: &Way) -> Bar {
        self.arguments.bar(self.arguments.events, way.name)
    }

    fn failed(&self, error: &dyn std::error::Error) -> Failure {
        Failure::of(&self.path.display().to_string(), error)
    }
}

fn took(events: &Events, logging: Duration, lost: usize) -> Took {
    Took {
        logging: logging.as_secs_f64(),
        all: events.started().elapsed().as_secs_f64(),
        lost: lost as u64,
    }
}

/// What one way has done in all rounds.
#[derive(Default)]
struct Sum {
    logging: Vec<f64>,
    all: Vec<f64>,
    counted: u64,
    missing: u64,
}

/// Every way in every round, and a table of the medians.
pub(crate) fn compare(
    arguments: &Arguments,
    folder: &Path,
    interrupted: &Receiver<()>,
) -> Result<String, Failure> {
    let mut sums: [Sum; WAYS.len()] = Default::default();
    let logged = arguments.events;
    let path = folder.join("compared");
    let round = Round {
        arguments,
        path: &path,
        interrupted,
    };
    for _ in 0..ROUNDS {
        for (way, sum) in WAYS.iter().zip(&mut sums) {
            let took = round.go(way)?;
            sum.logging.push(took.logging);
            sum.all.push(took.all);
            sum.counted += took.lost;
            let found = verify::lines(std::slice::from_ref(&path), 0, arguments.threads)?;
            let Some(missing) = logged.checked_sub(found) else {
                let text = format!("{}: {found} lines arrived of {logged}", way.name);
                return Err(Failure::new(text));
            };
            sum.missing += missing;
            fs::remove_file(&path).map_err(|error| round.failed(&error))?;
        }
    }
    nothing_lost(&sums)?;
    Ok(table(&sums, logged, arguments.threads))
}

fn table(sums: &[Sum], logged: u64, threads: u64) -> String {
    let mut text = format!(
        "beside tracing-appender, {logged} events from {threads} threads, {ROUNDS} rounds:\n  \
         | who | ns an event, for the threads | to the first | until all is written, to the first | lost | counted as lost |\n  \
         | --- | --- | --- | --- | --- | --- |\n",
    );
    for (way, sum) in WAYS.iter().zip(sums) {
        let each = median(sum.logging.clone()) * 1e9 / logged.max(1) as f64;
        let _ = writeln!(
            text,
            "  | {} | {each:.0} | {:.2} | {:.2} | {} | {} |",
            way.name,
            ratio(&sum.logging, &sums[0].logging),
            ratio(&sum.all, &sums[0].all),
            sum.missing,
            sum.counted,
        );
    }
    text
}

/// Ours never loses what it does not count, and nothing at all if it waits.
fn nothing_lost(sums: &[Sum]) -> Result<(), Failure> {
    for (way, sum) in WAYS.iter().zip(sums).filter(|(way, _)| way.ours) {
        let (missing, counted) = (sum.missing, sum.counted);
        if missing != counted || (way.waits && counted > 0) {
            return Err(Failure::new(format!(
                "{}: {missing} are missing, and {counted} were counted",
                way.name
            )));
        }
    }
    Ok(())
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The median of the ratios, round by round.
fn ratio(these: &[f64], those: &[f64]) -> f64 {
    median(these.iter().zip(those).map(|(a, b)| a / b).collect())
}
