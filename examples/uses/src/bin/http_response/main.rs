//! A web server on hyper whose response is a large body, streamed at the pace of
//! the client: the producer writes until the stream says to wait.
//!
//! ```sh
//! cargo run --release -p highwater-uses --bin http_response
//! cargo run --release -p highwater-uses --bin http_response -- --listen 127.0.0.1:8080
//! curl --limit-rate 2M -o /dev/null http://127.0.0.1:8080/
//! ```
//!
//! The body that hyper sends is the worker of the stream. If the client goes away, hyper drops
//! it, and the next write or wait of the producer returns that error.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::atomic::AtomicU64;

use clap::Parser;
use highwater_uses::http::{listen, serve};
use highwater_uses::lines::LINE;
use highwater_uses::progress::shown;
use highwater_uses::report::{Output, Report};
use highwater_uses::{Failure, Totals, run, say, stopped};
use tokio::sync::{mpsc, watch};

mod client;
mod producer;
mod server;

use producer::{Produced, Producing};
use server::Server;

/// Serve a large body of numbered lines over HTTP, at the pace of the client.
#[derive(Parser)]
#[command(name = "http_response", version)]
struct Arguments {
    /// The length of the body, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    size: u32,
    /// How many buffered bytes make the producer wait.
    #[arg(long, value_name = "BYTES", default_value_t = 16_384)]
    high_water_mark: u64,
    /// Serve on this address until Ctrl-C, for clients from outside.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    #[command(flatten)]
    output: Output,
}

/// What the progress bar shows.
const TEMPLATE: &str = "{bar:40} {binary_bytes} of {binary_total_bytes} read, {eta} left";

fn main() -> ExitCode {
    run("http_response", respond)
}

async fn respond(arguments: Arguments, stop: watch::Receiver<bool>) -> Result<(), Failure> {
    let size = u64::from(arguments.size) * 1024 * 1024;
    let (tell_produced, produced) = mpsc::unbounded_channel();
    let (tell_producing, producing) = watch::channel(Producing::Idle);
    let server = Server {
        size,
        mark: arguments.high_water_mark,
        produced: tell_produced,
        producing: tell_producing,
        stop: stop.clone(),
    };
    let output = arguments.output;
    match arguments.listen {
        Some(address) => serve_all(server, address, produced, stop, output).await,
        None => show(server, produced, producing, stop, output).await,
    }
}

/// Serves all clients that come, until Ctrl-C.
async fn serve_all(
    server: Server,
    address: SocketAddr,
    mut produced: mpsc::UnboundedReceiver<Produced>,
    mut stop: watch::Receiver<bool>,
    output: Output,
) -> Result<(), Failure> {
    let listener = listen(address, None)
        .map_err(|error| Failure::of(&format!("listening on {address}"), &error))?;
    let address = listener
        .local_addr()
        .map_err(|error| Failure::of("the address", &error))?;
    say(&format!("listening on http://{address}/"))?;
    let serving = tokio::spawn(serve(listener, server, stop.clone()));
    let (mut totals, mut unsent) = (Totals::default(), 0);
    let mut count = |response: &Produced| {
        totals.add(&response.totals);
        unsent += response.unsent;
        output.say("response", &response.report())
    };
    loop {
        tokio::select! {
            Some(response) = produced.recv() => count(&response)?,
            () = stopped(&mut stop) => break,
        }
    }
    // The producers see it too; the server ends when they have.
    drop(serving.await);
    while let Some(response) = produced.recv().await {
        count(&response)?;
    }
    output.say("", &totals.report())?;
    Err(interrupted(output, &totals, unsent))
}

/// What Ctrl-C has left.
fn interrupted(output: Output, totals: &Totals, unsent: u64) -> Failure {
    let report = Report::new()
        .bytes("written", "written", totals.delivered)
        .bytes("unsent", "accepted and not sent", unsent);
    output.interrupted(&report)
}

/// Two requests on loopback: one read slowly to the end, one dropped in the middle.
async fn show(
    server: Server,
    mut produced: mpsc::UnboundedReceiver<Produced>,
    producing: watch::Receiver<Producing>,
    mut stop: watch::Receiver<bool>,
    output: Output,
) -> Result<(), Failure> {
    let (size, mark) = (server.size, server.mark);
    let listener = listen(([127, 0, 0, 1], 0).into(), Some(client::SYSTEM_BUFFER))
        .map_err(|error| Failure::of("listening on loopback", &error))?;
    let address = listener
        .local_addr()
        .map_err(|error| Failure::of("the address", &error))?;
    tokio::spawn(serve(listener, server, stop.clone()));

    let mut totals = Totals::default();
    for (who, up_to) in [("slow client", size), ("client that leaves", size / 2)] {
        let (bar, arrived) = (output.bar(up_to, TEMPLATE), AtomicU64::new(0));
        let getting = client::get(address, up_to, producing.clone(), &arrived);
        let got = tokio::select! {
            got = shown(&bar, &arrived, getting) => got,
            () = stopped(&mut stop) => Err(Failure::new("stopped")),
        };
        bar.clear();
        if *stop.borrow() {
            // Whatever the client has run into comes from that.
            let mut unsent = 0;
            if let Some(response) = produced.recv().await {
                totals.add(&response.totals);
                unsent = response.unsent;
            }
            return Err(interrupted(output, &totals, unsent));
        }
        let got = got?;
        let Some(response) = produced.recv().await else {
            return Err(Failure::new("the server is gone"));
        };
        totals.add(&response.totals);
        let report = Report::new()
            .bytes("verified", "arrived, each byte verified", got.bytes)
            .count("pieces", "in pieces", got.pieces)
            .and(response.report());
        output.say(who, &report)?;
        if up_to == size && (got.bytes != size || response.failed.is_some()) {
            return Err(Failure::new(format!(
                "{} of {size} bytes arrived",
                got.bytes
            )));
        }
        if up_to < size && response.failed.is_none() {
            return Err(Failure::new(
                "the producer did not see that the client left",
            ));
        }
    }
    output.say("", &totals.report())?;
    if totals.peak > mark.saturating_add(LINE as u64) {
        let peak = totals.peak;
        return Err(Failure::new(format!(
            "a stream with a mark of {mark} bytes held {peak}"
        )));
    }
    Ok(())
}
