//! Serves until Ctrl-C, or tries itself with three clients: one that is slow, one that leaves,
//! and one that closes its side early.

use std::net::{Shutdown, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use clap::Parser;
use highwater::{BoxError, Snapshot};
use highwater_uses::http::{listen, serve};
use highwater_uses::progress::shown;
use highwater_uses::report::{Output, Report};
use highwater_uses::{Failure, Totals, causes, say, stopped};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};

/// Serve a CSV and a tar over HTTP, at the pace of the client.
#[derive(Parser)]
#[command(name = "download", version)]
pub(crate) struct Arguments {
    /// Serve on this address until Ctrl-C, for clients from outside.
    #[arg(long, value_name = "ADDR")]
    serve: Option<SocketAddr>,
    #[command(flatten)]
    output: Output,
}

/// The kind of a response, and how it has ended.
type End = (&'static str, Result<Snapshot, BoxError>);

/// Each response says here how it has ended.
pub(crate) type Ends = mpsc::UnboundedSender<End>;

/// What the progress bar shows: the length is not known before.
const TEMPLATE: &str = "{binary_bytes} read, {binary_bytes_per_sec}";

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Client {
    /// Pauses after each piece.
    Slow,
    /// Goes away in the middle.
    Leaves,
    /// Closes its side once it has sent the request.
    HalfCloses,
}

/// What has become of the responses.
struct Responses {
    output: Output,
    whole: u64,
    cut_off: u64,
    totals: Totals,
}

impl Responses {
    /// Counts one that has ended, and says how.
    fn add(&mut self, (kind, ended): End) -> Result<(), Failure> {
        let report = match ended {
            Ok(totals) => {
                self.whole += 1;
                self.totals.add(&totals);
                Report::new()
                    .bytes("delivered", "delivered", totals.delivered)
                    .count("waits", "times the producer waited", totals.waits)
                    .bytes("peak", "most in the stream at once", totals.peak)
            }
            Err(error) => {
                self.cut_off += 1;
                Report::new().error("the producer got", &causes(error.as_ref()))
            }
        };
        self.output.say(kind, &report)
    }

    /// What Ctrl-C has left. The connections are closed, so each producer ends.
    async fn interrupted(mut self, mut ended: mpsc::UnboundedReceiver<End>) -> Failure {
        while let Some(end) = ended.recv().await {
            if let Err(failure) = self.add(end) {
                return failure;
            }
        }
        let report = Report::new()
            .count("whole", "responses sent whole", self.whole)
            .bytes("delivered", "bytes of these", self.totals.delivered)
            .count("cut_off", "responses cut off", self.cut_off);
        self.output.interrupted(&report)
    }
}

pub(crate) async fn start(
    arguments: Arguments,
    mut stop: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let output = arguments.output;
    let address = arguments.serve.unwrap_or(([127, 0, 0, 1], 0).into());
    let listener = listen(address, None).map_err(|error| Failure::of("listening", &error))?;
    let at = listener.local_addr();
    let at = at.map_err(|error| Failure::of("the address", &error))?;
    let (ends, mut ended) = mpsc::unbounded_channel();
    let pages = TowerToHyperService::new(super::pages(ends));
    let serving = tokio::spawn(serve(listener, pages, stop.clone()));
    let mut responses = Responses {
        output,
        whole: 0,
        cut_off: 0,
        totals: Totals::default(),
    };
    let tried = async {
        match arguments.serve {
            Some(_) => serve_all(at, &mut responses, &mut ended).await,
            None => try_it(at, &mut responses, &mut ended).await,
        }
    };
    let tried = tokio::select! {
        tried = tried => tried,
        () = stopped(&mut stop) => Ok(()),
    };
    // If it was stopped, what a client has run into comes from that.
    if *stop.borrow() {
        drop(serving.await);
        return Err(responses.interrupted(ended).await);
    }
    tried?;
    output.say("", &responses.totals.report())
}

/// Says of each response how it has ended.
async fn serve_all(
    at: SocketAddr,
    responses: &mut Responses,
    ended: &mut mpsc::UnboundedReceiver<End>,
) -> Result<(), Failure> {
    let text = format!("listening on http://{at}/numbers.csv and http://{at}/numbers.tar");
    say(&text)?;
    while let Some(end) = ended.recv().await {
        responses.add(end)?;
    }
    Ok(())
}

/// Sends each client, and says what it got, and how the response ended.
async fn try_it(
    at: SocketAddr,
    responses: &mut Responses,
    ended: &mut mpsc::UnboundedReceiver<End>,
) -> Result<(), Failure> {
    for (client, who) in [
        (Client::Slow, "slow client"),
        (Client::Leaves, "client that leaves"),
        (Client::HalfCloses, "half-closed client"),
    ] {
        let (bar, arrived) = (responses.output.bar(0, TEMPLATE), AtomicU64::new(0));
        let got = shown(&bar, &arrived, get(client, at, &arrived)).await;
        bar.clear();
        responses.output.say(who, &got?)?;
        let end = ended.recv().await;
        responses.add(end.ok_or_else(|| Failure::new("the server is gone"))?)?;
    }
    Ok(())
}

/// The client. Checks each row that it gets; `arrived` is how many bytes have come.
async fn get(client: Client, at: SocketAddr, arrived: &AtomicU64) -> Result<Report, Failure> {
    let io = |error| Failure::of("the connection", &error);
    let hyper = |error| Failure::of("the response", &error);
    let connection = std::net::TcpStream::connect(at).map_err(io)?;
    connection.set_nonblocking(true).map_err(io)?;
    let half = connection.try_clone().map_err(io)?;
    let connection = TcpStream::from_std(connection).map_err(io)?;
    let (mut sender, serving) = http1::handshake(TokioIo::new(connection))
        .await
        .map_err(hyper)?;
    let serving = tokio::spawn(serving);
    let request = Request::get("/numbers.csv")
        .header(header::HOST, at.to_string())
        .body(Empty::<Bytes>::new())
        .map_err(|error| Failure::of("the request", &error))?;
    let response = sender.send_request(request).await.map_err(hyper)?;
    if client == Client::HalfCloses {
        half.shutdown(Shutdown::Write).map_err(io)?;
    }
    let (mut body, mut text, mut pieces) = (response.into_body(), Vec::new(), 0);
    let report = |pieces| Report::new().count("pieces", "pieces", pieces);
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(hyper)?.into_data() {
            text.extend_from_slice(&data);
            arrived.store(text.len() as u64, Ordering::Relaxed);
            pieces += 1;
        }
        match client {
            Client::Slow => tokio::time::sleep(Duration::from_millis(1)).await,
            Client::Leaves if pieces == 10 => {
                // The task has the connection: without it, it is closed.
                serving.abort();
                return Ok(report(pieces));
            }
            _ => {}
        }
    }
    let rows = check(&text)?;
    Ok(report(pieces).count("rows", "rows, each verified", rows))
}

/// How many rows there are, all of them right.
fn check(text: &[u8]) -> Result<u64, Failure> {
    let mut rows = csv::Reader::from_reader(text);
    let mut count = 0;
    for row in rows.deserialize() {
        let (n, square): (u64, u64) = row.map_err(|error| Failure::of("a row", &error))?;
        if n != count || square != n * n {
            return Err(Failure::new(format!("row {count} is wrong")));
        }
        count += 1;
    }
    match count {
        super::ROWS => Ok(count),
        _ => Err(Failure::new(format!("{count} rows, and the end"))),
    }
}
