//! Downloads of a length that is not known before: a CSV and a tar, from axum. Blocking
//! libraries write them, on threads of their own, at the pace of the client.
//!
//! ```sh
//! cargo run --release -p highwater-uses --bin download
//! cargo run --release -p highwater-uses --bin download -- --serve 127.0.0.1:8080
//! curl --limit-rate 2M -O http://127.0.0.1:8080/numbers.csv
//! curl http://127.0.0.1:8080/numbers.tar | tar -t
//! ```
//!
//! If a library fails, `?` drops the stream without an end, and the client gets an error. A
//! client that leaves is an error to the library: a broken pipe.

use std::process::ExitCode;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Router, http::header::CONTENT_TYPE, routing::get};
use highwater::{BoxError, Writable};
use highwater_uses::run;

mod try_it;

use try_it::Ends;

/// How many rows the CSV has, and the tar has files.
const ROWS: u64 = 500_000;
const FILES: u64 = 100;

fn main() -> ExitCode {
    run("download", try_it::start)
}

fn pages(ends: Ends) -> Router {
    let csv = async |State(ends)| download("text/csv", csv, ends);
    let tar = async |State(ends)| download("application/x-tar", tar, ends);
    Router::new()
        .route("/numbers.csv", get(csv))
        .route("/numbers.tar", get(tar))
        .with_state(ends)
}

fn csv(out: Writable<()>) -> Result<Writable<()>, BoxError> {
    let mut rows = csv::Writer::from_writer(out);
    rows.write_record(["number", "square"])?;
    for n in 0..ROWS {
        rows.serialize((n, n * n))?;
    }
    Ok(rows.into_inner()?)
}

fn tar(out: Writable<()>) -> Result<Writable<()>, BoxError> {
    let mut files = tar::Builder::new(out);
    for n in 0..FILES {
        let text = format!("{n}\n").repeat(10_000);
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        files.append_data(&mut header, format!("numbers/{n}.txt"), text.as_bytes())?;
    }
    Ok(files.into_inner()?)
}

/// A response that this writes, and then gives the stream back for its end.
fn download(
    kind: &'static str,
    write: impl FnOnce(Writable<()>) -> Result<Writable<()>, BoxError> + Send + 'static,
    ends: Ends,
) -> Response {
    let (out, body) = Writable::builder().body();
    tokio::task::spawn_blocking(move || {
        let ended = write(out).and_then(|out| Ok(out.end().wait()?.totals));
        drop(ends.send((kind, ended))); // a program that ends hears no more
    });
    ([(CONTENT_TYPE, kind)], axum::body::Body::new(body)).into_response()
}
