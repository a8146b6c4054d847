//! One producer pushes a feed of numbered lines to many TCP connections, some of
//! them slow. None is skipped, and none waits for another.
//!
//! ```sh
//! cargo run --release -p highwater-uses --bin tcp_push
//! ```
//!
//! The feed is one shared [`Bytes`]; each connection has a stream with its own mark,
//! and a task that sends when there is room. So a slow reader holds up its own task
//! and nothing else, and costs no more than its mark.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use clap::Parser;
use highwater_uses::lines::{LINE, line};
use highwater_uses::progress::shown;
use highwater_uses::report::{Output, Report};
use highwater_uses::{Failure, Totals, joined, peak_memory, run, stopped};
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

mod readers;
mod stream;

use readers::Round;
use stream::{ACCEPTED, Pushed, push_one};

/// Push numbered lines to many TCP connections, a tenth of them slow.
#[derive(Parser)]
#[command(name = "tcp_push", version)]
struct Arguments {
    /// How many connections [default: 2000 on loopback, 1 with --to].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=30_000))]
    connections: Option<u32>,
    /// How many lines each connection gets, of 64 bytes.
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=4_000_000))]
    lines: u32,
    /// How many buffered bytes make the producer of a connection wait.
    #[arg(long, value_name = "BYTES", default_value_t = 16_384)]
    high_water_mark: u64,
    /// How often the fast connections are timed, without and with slow ones.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Push to this address instead of to readers of its own.
    #[arg(long, value_name = "ADDR")]
    to: Option<SocketAddr>,
    #[command(flatten)]
    output: Output,
}

/// What the progress bar shows.
const TEMPLATE: &str = "{bar:40} {binary_bytes} of {binary_total_bytes} pushed, {eta} left";

fn main() -> ExitCode {
    run("tcp_push", push)
}

async fn push(arguments: Arguments, stop: watch::Receiver<bool>) -> Result<(), Failure> {
    let feed: Bytes = (0..u64::from(arguments.lines)).flat_map(line).collect();
    match arguments.to {
        Some(address) => push_to(&arguments, address, &feed, stop).await,
        None => push_here(&arguments, &feed, stop).await,
    }
}

/// To readers of its own, on loopback, of which a tenth reads only when told.
async fn push_here(
    arguments: &Arguments,
    feed: &Bytes,
    stop: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let connections = arguments.connections.unwrap_or(2_000);
    let slow = connections / 10;
    let fast = connections - slow;
    let mark = arguments.high_water_mark;
    // Both ends are here.
    room_for(2 * u64::from(connections))?;

    let all = u64::from(arguments.rounds) * u64::from(2 * fast + slow) * feed.len() as u64;
    let bar = arguments.output.bar(all, TEMPLATE);
    let before = peak_memory();
    let mut totals = Totals::default();
    let (mut alone, mut beside) = (Duration::MAX, Duration::MAX);
    let (mut held, mut peaks) = (u32::MAX, 0);
    for round in 0..arguments.rounds {
        // In turns, so that neither is always the first.
        let pair = if round % 2 == 0 { [0, slow] } else { [slow, 0] };
        for slow in pair {
            let round = Round { fast, slow, mark };
            let pushed = round.run(feed, stop.clone(), arguments.output);
            let outcome = shown(&bar, &ACCEPTED, pushed).await?;
            totals.merge(&outcome.totals);
            peaks = peaks.max(outcome.peaks);
            if slow == 0 {
                alone = alone.min(outcome.fast_took);
            } else {
                beside = beside.min(outcome.fast_took);
                held = held.min(outcome.held);
            }
        }
    }

    bar.clear();
    let mut report = Report::new()
        .count("connections", "connections", connections.into())
        .count("slow", "of these slow", slow.into())
        .count("lines", "lines for each", arguments.lines.into())
        .count("rounds", "rounds", arguments.rounds.into())
        .bytes("verified", "arrived, each byte verified", totals.delivered);
    if slow > 0 {
        let ratio = beside.as_secs_f64() / alone.as_secs_f64().max(1e-9);
        report = report
            .time("fast_alone", "the fast ones alone", alone)
            .time("fast_beside_slow", "the fast ones beside slow ones", beside)
            .fact(
                ("ratio", format!("{ratio:.2}")),
                ("times as long", format!("{ratio:.2}")),
            )
            // How many slow ones were still being waited for when the fast ones were done.
            .count("slow_held", "slow ones waited for then", held.into());
    }
    let grown = before.and_then(|before| Some(peak_memory()?.saturating_sub(before)));
    let marks = u64::from(connections).saturating_mul(mark) / 1024;
    // All streams at their fullest against what their marks allow; and what the process
    // has grown by for all of it: both ends, their tasks, and the queues.
    report = report
        .kib("marks", "what all marks allow", Some(marks))
        .kib("peaks", "most in all streams at once", Some(peaks / 1024))
        .kib("grown", "growth of the process", grown)
        .and(totals.report());
    arguments.output.say("", &report)?;
    at_most(&totals, mark)
}

/// No stream may ever have held more than its mark and the line that reached it.
fn at_most(totals: &Totals, mark: u64) -> Result<(), Failure> {
    if totals.peak > mark.saturating_add(LINE as u64) {
        let peak = totals.peak;
        return Err(Failure::new(format!(
            "a stream with a mark of {mark} bytes held {peak}"
        )));
    }
    Ok(())
}

/// To the listener at this address. A connection that fails does not stop the others.
async fn push_to(
    arguments: &Arguments,
    address: SocketAddr,
    feed: &Bytes,
    mut stop: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let connections = arguments.connections.unwrap_or(1);
    let mark = arguments.high_water_mark;
    room_for(u64::from(connections))?;
    let mut pushes = JoinSet::new();
    let (mut failures, mut tried) = (Vec::new(), 0);
    for _ in 0..connections {
        tried += 1;
        let connected = tokio::select! {
            connected = TcpStream::connect(address) => connected,
            () = stopped(&mut stop) => break,
        };
        match connected {
            Ok(connection) => {
                pushes.spawn(push_one(feed.clone(), connection, mark, stop.clone()));
            }
            // The next would hardly get further; those that are there go on.
            Err(error) => {
                failures.push(format!("connecting: {error}"));
                break;
            }
        }
    }
    let (mut totals, mut unsent) = (Totals::default(), 0);
    let expected = u64::from(connections) * feed.len() as u64;
    let bar = arguments.output.bar(expected, TEMPLATE);
    while let Some(pushed) = shown(&bar, &ACCEPTED, pushes.join_next()).await {
        let pushed: Pushed = joined(pushed)??;
        totals.add(&pushed.totals);
        unsent += pushed.unsent;
        failures.extend(pushed.failed);
    }
    let report = Report::new()
        .count("connections", "connections", connections.into())
        .count("lines", "lines for each", arguments.lines.into())
        .bytes("written", "written", totals.delivered)
        .and(totals.report());
    arguments.output.say("", &report)?;
    if *stop.borrow() {
        let output = arguments.output;
        return Err(interrupted(output, &totals, unsent, expected));
    }
    match failures.first() {
        Some(first) => Err(Failure::new(format!(
            "pushing to {address}: {first} ({} of {connections} connections failed, {} were not tried, {} of {expected} bytes not delivered, {unsent} of them accepted)",
            failures.len(),
            connections - tried,
            expected - totals.delivered,
        ))),
        None => at_most(&totals, mark),
    }
}

/// What Ctrl-C has left: what was accepted and has come back, and what was never written.
fn interrupted(output: Output, totals: &Totals, unsent: u64, expected: u64) -> Failure {
    let never = expected.saturating_sub(totals.accepted);
    let report = Report::new()
        .bytes("written", "written", totals.delivered)
        .bytes("unsent", "accepted and not sent", unsent)
        .bytes("never_written", "never written", never);
    output.interrupted(&report)
}

/// Sees to it that this many connections can be open, and some files beside.
fn room_for(connections: u64) -> Result<(), Failure> {
    let needed = connections + 64;
    let mut limit = getrlimit(Resource::Nofile);
    // None is no limit.
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    if let Some(maximum) = limit.maximum.filter(|maximum| *maximum < needed) {
        return Err(Failure::new(format!(
            "needs {needed} open files, and the limit is {maximum}: raise it (ulimit -n) or use fewer --connections"
        )));
    }
    limit.current = Some(needed);
    setrlimit(Resource::Nofile, limit)
        .map_err(|error| Failure::of("raising the limit of open files", &error))
}
