//! Libraries that write and block, on threads of tokio's for that.

use std::io::{Cursor, Read, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use highwater::{Body, BoxError, Writable};
use highwater_testkit::child;
use hyper::Response;
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use super::clients::{CLIENTS, play};
use super::served::{Checked, during, runtime};

const LINES: u64 = 50_000;

fn write_lines(out: &mut impl Write) -> std::io::Result<()> {
    (0..LINES).try_for_each(|n| writeln!(out, "{n}"))
}

fn lines() -> Result<Vec<u8>, BoxError> {
    let mut lines = Vec::new();
    write_lines(&mut lines)?;
    Ok(lines)
}

/// A generator takes the stream, and gives it back for its end.
type Generator = fn(Writable<()>) -> Result<Writable<()>, BoxError>;

const GENERATORS: [(&str, Generator); 3] = [("plain", plain), ("gzip", gzip), ("zip", zip)];

fn plain(mut out: Writable<()>) -> Result<Writable<()>, BoxError> {
    write_lines(&mut out)?;
    Ok(out)
}

fn gzip(out: Writable<()>) -> Result<Writable<()>, BoxError> {
    let mut encoder = GzEncoder::new(out, Compression::fast());
    write_lines(&mut encoder)?;
    Ok(encoder.finish()?)
}

fn zip(out: Writable<()>) -> Result<Writable<()>, BoxError> {
    let mut archive = ZipWriter::new_stream(out);
    for name in ["one.txt", "two.txt"] {
        archive.start_file(name, SimpleFileOptions::default())?;
        write_lines(&mut archive)?;
    }
    Ok(archive.finish()?.into_inner())
}

/// What a client makes of the bytes: the lines.
fn unpack(name: &str, bytes: Vec<u8>) -> Result<Vec<u8>, BoxError> {
    let mut text = Vec::new();
    match name {
        "gzip" => drop(flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut text)?),
        "zip" => {
            let mut archive = ZipArchive::new(Cursor::new(bytes))?;
            assert_eq!(archive.len(), 2);
            archive.by_name("two.txt")?.read_to_end(&mut text)?;
        }
        _ => text = bytes,
    }
    Ok(text)
}

type Ended = Result<u64, String>;

fn generate(generator: Generator, tell: mpsc::UnboundedSender<Ended>) -> Body {
    let (out, body) = Writable::builder().body();
    tokio::task::spawn_blocking(move || {
        let ended = generator(out).and_then(|out| Ok(out.end().wait()?.totals.peak));
        let _ = tell.send(ended.map_err(|error| error.to_string()));
    });
    body
}

#[test]
fn a_library_that_writes_gives_the_stream_back_for_its_end() -> Checked {
    if let Some(part) = child::part() {
        play(&part);
    }
    let runtime = runtime()?;
    for (name, generator) in GENERATORS {
        let (tell, mut told) = mpsc::unbounded_channel();
        let respond = move |_| {
            let body = generate(generator, tell.clone());
            async { Response::new(body) }
        };
        runtime.block_on(during(respond, async |address| {
            for client in CLIENTS {
                let got = client.get(&format!("http://{address}/"), false).await?;
                assert!(got.whole, "{name} to {client:?}");
                assert!(unpack(name, got.bytes)? == lines()?, "{name} to {client:?}");
                let peak = told.recv().await.ok_or("no generator")??;
                assert!(peak < 2 * 16 * 1024, "{name}: {peak}");
            }
            Ok(())
        }))?;
    }
    Ok(())
}

/// A generator that fails drops the stream: the client must see that its file is cut off.
#[test]
fn a_library_that_fails_cuts_its_response_off() -> Checked {
    if let Some(part) = child::part() {
        play(&part);
    }
    fn fails(out: Writable<()>) -> Result<Writable<()>, BoxError> {
        let mut encoder = GzEncoder::new(out, Compression::fast());
        write_lines(&mut encoder)?;
        Err("no row 50000".into())
    }
    let (tell, mut told) = mpsc::unbounded_channel();
    let respond = move |_| {
        let body = generate(fails, tell.clone());
        async { Response::new(body) }
    };
    runtime()?.block_on(during(respond, async |address| {
        for client in CLIENTS {
            let got = client.get(&format!("http://{address}/"), false).await?;
            assert!(!got.whole, "{client:?}");
            let ended = told.recv().await.ok_or("no generator")?;
            assert_eq!(ended, Err("no row 50000".into()));
        }
        Ok(())
    }))
}

/// The server has one thread. A client that reads nothing stops its generator, which blocks,
/// and no other client.
#[test]
fn a_client_that_stalls_holds_up_no_other() -> Checked {
    if let Some(part) = child::part() {
        play(&part);
    }
    fn endless(mut out: Writable<()>) -> Result<Writable<()>, BoxError> {
        loop {
            out.write_all(&[b'.'; 1000])?;
        }
    }
    let (tell, mut told) = mpsc::unbounded_channel();
    let respond = move |request: hyper::Request<Incoming>| {
        let stalls = request.uri().path() == "/endless";
        let generator = if stalls { endless } else { plain };
        let body = generate(generator, tell.clone());
        let mut response = Response::new(body);
        let kind = HeaderValue::from_static("text/plain");
        response.headers_mut().insert("content-type", kind);
        async { response }
    };
    runtime()?.block_on(during(respond, async |address| {
        let mut stalled = TcpStream::connect(address).await?;
        let request = b"GET /endless HTTP/1.1\r\nhost: test\r\n\r\n";
        tokio::io::AsyncWriteExt::write_all(&mut stalled, request).await?;
        stalled.read_exact(&mut [0; 100]).await?;
        for client in CLIENTS {
            let got = client.get(&format!("http://{address}/"), false).await?;
            assert!(got.whole && got.bytes == lines()?);
            assert!(told.recv().await.ok_or("no generator")?.is_ok());
        }
        drop(stalled);
        let error = told.recv().await.ok_or("no generator")?;
        assert!(error.is_err_and(|error| error.starts_with("the reader has left")));
        Ok(())
    }))
}
