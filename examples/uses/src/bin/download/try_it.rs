//! Serves until Ctrl-C, or tries itself with three clients, which are processes of their own:
//! one that is slow, one that leaves, and one that closes its side early.

use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use clap::{Parser, ValueEnum};
use highwater_uses::http::{listen, serve};
use highwater_uses::{Failure, say, stop};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

/// Serve a CSV and a tar over HTTP, at the pace of the client.
#[derive(Parser)]
#[command(name = "download", version)]
pub(crate) struct Arguments {
    /// Serve on this address until Ctrl-C, for clients from outside.
    #[arg(long, value_name = "ADDR")]
    serve: Option<SocketAddr>,
    /// Be this client of the server at `--at`.
    #[arg(long, value_name = "CLIENT", hide = true, requires = "at")]
    client: Option<Client>,
    #[arg(long, value_name = "ADDR", hide = true)]
    at: Option<SocketAddr>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Client {
    /// Pauses after each piece.
    Slow,
    /// Goes away in the middle.
    Leaves,
    /// Closes its side once it has sent the request.
    HalfCloses,
}

pub(crate) async fn start(arguments: Arguments) -> Result<(), Failure> {
    if let (Some(client), Some(address)) = (arguments.client, arguments.at) {
        return get(client, address).await;
    }
    let (stop, address) = (stop()?, arguments.serve);
    let listener = listen(address.unwrap_or(([127, 0, 0, 1], 0).into()), None)
        .map_err(|error| Failure::of("listening", &error))?;
    let at = local(&listener)?;
    let serving = serve(listener, TowerToHyperService::new(super::pages()), stop);
    if address.is_some() {
        say(&format!(
            "listening on http://{at}/numbers.csv and http://{at}/numbers.tar"
        ))?;
        serving.await;
        return Err(Failure::interrupted("the responses that ran are cut off"));
    }
    tokio::select! {
        () = serving => Err(Failure::interrupted("the responses that ran are cut off")),
        tried = try_it(at) => tried,
    }
}

fn local(listener: &TcpListener) -> Result<SocketAddr, Failure> {
    let address = listener.local_addr();
    address.map_err(|error| Failure::of("the address", &error))
}

/// Starts each client, and waits for it.
async fn try_it(at: SocketAddr) -> Result<(), Failure> {
    let program = std::env::current_exe().map_err(|error| Failure::of("this program", &error))?;
    for client in ["slow", "leaves", "half-closes"] {
        let arguments = ["--client", client, "--at", &at.to_string()];
        let status = Command::new(&program).args(arguments).status().await;
        let status = status.map_err(|error| Failure::of("a client", &error))?;
        if !status.success() {
            return Err(Failure::new(format!("the client failed: {status}")));
        }
    }
    Ok(())
}

/// The client. Checks each row that it gets.
async fn get(client: Client, at: SocketAddr) -> Result<(), Failure> {
    let io = |error| Failure::of("the connection", &error);
    let hyper = |error| Failure::of("the response", &error);
    let connection = std::net::TcpStream::connect(at).map_err(io)?;
    connection.set_nonblocking(true).map_err(io)?;
    let half = connection.try_clone().map_err(io)?;
    let connection = TcpStream::from_std(connection).map_err(io)?;
    let (mut sender, serving) = http1::handshake(TokioIo::new(connection))
        .await
        .map_err(hyper)?;
    tokio::spawn(serving);
    let request = Request::get("/numbers.csv")
        .header(header::HOST, at.to_string())
        .body(Empty::<Bytes>::new())
        .map_err(|error| Failure::of("the request", &error))?;
    let response = sender.send_request(request).await.map_err(hyper)?;
    if matches!(client, Client::HalfCloses) {
        half.shutdown(Shutdown::Write).map_err(io)?;
    }
    let (mut body, mut text, mut pieces) = (response.into_body(), Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(hyper)?.into_data() {
            text.extend_from_slice(&data);
            pieces += 1;
        }
        match client {
            Client::Slow => tokio::time::sleep(Duration::from_millis(1)).await,
            Client::Leaves if pieces == 10 => return say("a client leaves after 10 pieces"),
            _ => {}
        }
    }
    let rows = check(&text)?;
    let who = if matches!(client, Client::Slow) {
        "slow"
    } else {
        "half-closed"
    };
    say(&format!(
        "a {who} client: rows={rows} pieces={pieces}, each row is right"
    ))
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
