//! Every way to stop a body, over each framing of HTTP, to each client. Only an end looks like
//! one to the client, and the producer learns what happened.

use highwater::{BoxError, Writable};
use highwater_testkit::child;
use highwater_uses::causes;
use highwater_uses::lines::{Check, LINE, line};
use hyper::Response;
use tokio::sync::mpsc;

use super::clients::{CLIENTS, Client, play};
use super::served::{Checked, during, runtime};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    End,
    Destroy,
    DestroyWith,
    OwnerDropped,
    ProducerPanics,
    TooFew,
    TooMany,
    ReaderLeaves,
}

const WAYS: [Way; 8] = [
    Way::End,
    Way::Destroy,
    Way::DestroyWith,
    Way::OwnerDropped,
    Way::ProducerPanics,
    Way::TooFew,
    Way::TooMany,
    Way::ReaderLeaves,
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Framing {
    Chunked,
    Length,
    Http2,
    Http2Length,
}

const FRAMINGS: [Framing; 4] = [
    Framing::Chunked,
    Framing::Length,
    Framing::Http2,
    Framing::Http2Length,
];

impl Framing {
    fn is_http2(self) -> bool {
        matches!(self, Self::Http2 | Self::Http2Length)
    }

    fn has_length(self) -> bool {
        matches!(self, Self::Length | Self::Http2Length)
    }
}

const LINES: u64 = 2_000;
const LENGTH: u64 = LINES * LINE as u64;

/// What the producer of a body of `LINES` lines does, and what it gets.
async fn produce(way: Way, mut out: Writable<()>) -> Result<u64, BoxError> {
    let lines = match way {
        Way::End => LINES,
        Way::TooMany => LINES + 1,
        Way::ReaderLeaves => u64::MAX,
        _ => LINES / 2,
    };
    for n in 0..lines {
        out.send(line(n).to_vec()).await?;
    }
    match way {
        Way::Destroy => Ok(out.destroy().await.totals.delivered),
        Way::DestroyWith => Ok(out.destroy_with("no disk").await.totals.delivered),
        Way::OwnerDropped => Ok(0),
        Way::ProducerPanics => panic!("as planned"),
        _ => Ok(out.end().await?.totals.delivered),
    }
}

/// What the client got, and what the producer.
async fn stopped(client: Client, way: Way, framing: Framing) -> Checked {
    let (tell, mut told) = mpsc::unbounded_channel();
    let respond = move |_| {
        let (out, body) = Writable::builder().body();
        let body = match framing.has_length() {
            true if way == Way::ReaderLeaves => body.with_length(1 << 40),
            true => body.with_length(LENGTH),
            false => body,
        };
        let tell = tell.clone();
        tokio::spawn(async move {
            let produced = tokio::spawn(produce(way, out)).await;
            let produced = produced.map(|produced| produced.map_err(|error| causes(&*error)));
            let _ = tell.send(produced.map_err(|error| error.is_panic()));
        });
        async { Response::new(body) }
    };
    let case = format!("{way:?} over {framing:?} to {client:?}");
    during(respond, async |address| {
        let (url, http2) = (format!("http://{address}/"), framing.is_http2());
        if way == Way::ReaderLeaves {
            client.leave(&url, http2).await?;
        } else {
            let got = client.get(&url, http2).await?;
            assert_eq!(got.whole, way == Way::End, "{case}");
            let mut check = Check::default();
            assert_eq!(check.take(&got.bytes), Ok(()), "{case}");
            let all = got.bytes.len() as u64 == LENGTH;
            assert_eq!(all, way == Way::End, "{case}: {}", got.bytes.len());
        }
        let produced = told.recv().await.ok_or("no producer")?;
        let expected = match way {
            Way::ProducerPanics => Err(true),
            Way::TooFew => Ok(Err("the body ended after 64000 of its 128000 bytes")),
            Way::TooMany => Ok(Err("the body is longer than its 128000 bytes")),
            Way::ReaderLeaves => Ok(Err("the reader has left")),
            _ => Ok(Ok(())),
        };
        match (&produced, expected) {
            (Err(panicked), Err(expected)) => assert_eq!(*panicked, expected, "{case}"),
            (Ok(Ok(delivered)), Ok(Ok(()))) => {
                assert!(way != Way::End || *delivered == LENGTH, "{case}");
            }
            (Ok(Err(error)), Ok(Err(text))) => assert!(error.starts_with(text), "{case}: {error}"),
            _ => panic!("{case}: {produced:?}"),
        }
        Ok(())
    })
    .await
}

#[test]
fn only_an_end_looks_like_one() -> Checked {
    if let Some(part) = child::part() {
        play(&part);
    }
    let runtime = runtime()?;
    for client in CLIENTS {
        for framing in FRAMINGS {
            for way in WAYS {
                // Without a length none is passed.
                let has_none = matches!(way, Way::TooFew | Way::TooMany);
                if framing.has_length() || !has_none {
                    runtime.block_on(stopped(client, way, framing))?;
                }
            }
        }
    }
    Ok(())
}
