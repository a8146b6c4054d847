//! A request whose body is a stream, and requests whose response has no body.

use axum::{Router, routing::get};
use highwater::Writable;
use highwater_testkit::child;
use highwater_uses::lines::{Check, LINE, line};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::Service;
use hyper::{Request, Response, StatusCode};
use hyper_util::service::TowerToHyperService;
use tokio::process::Command;
use tokio::sync::mpsc;

use super::clients::{play, reqwest};
use super::served::{Checked, during, runtime};

const LINES: u64 = 10_000;

/// The client: posts lines, all of them or half of them. Returns an error if it was cut off.
pub(crate) async fn post(part: &child::Part) -> Checked {
    let (mut out, body) = Writable::builder().body();
    let cut = part.name == "post-cut";
    let producer = tokio::spawn(async move {
        let lines = if cut { LINES / 2 } else { LINES };
        for n in 0..lines {
            out.send(line(n).to_vec()).await?;
        }
        if cut {
            drop(out.destroy_with("no disk"));
        } else {
            out.end().await?;
        }
        Ok::<_, highwater::BoxError>(())
    });
    let client = reqwest::Client::builder().http1_only().build()?;
    let request = client.post(std::env::var("HIGHWATER_URL")?);
    let response = request.body(reqwest::Body::wrap(body)).send().await;
    producer.await??;
    std::fs::write(&part.file, response?.error_for_status()?.bytes().await?)?;
    Ok(())
}

#[test]
fn a_request_body_is_whole_or_an_error_to_the_server() -> Checked {
    if let Some(part) = child::part() {
        play(&part);
    }
    let (tell, mut told) = mpsc::unbounded_channel();
    let respond = move |request: Request<Incoming>| {
        let tell = tell.clone();
        async move {
            let body = request.into_body().collect().await;
            let mut check = Check::default();
            let count = body.ok().map(|body| check.take(&body.to_bytes()));
            let count = count.map(|right| right.map(|()| check.position()));
            let _ = tell.send(count);
            Response::new(Full::new(Bytes::from("got it")))
        }
    };
    runtime()?.block_on(during(respond, async |address| {
        let folder = tempfile::tempdir()?;
        let answer = folder.path().join("answer");
        for (part, whole) in [("post", true), ("post-cut", false)] {
            let mut client = reqwest(part, &answer)?;
            let url = format!("http://{address}/");
            let status = client.env("HIGHWATER_URL", url).status().await?;
            assert_eq!(status.success(), whole, "{part}");
            let count = told.recv().await.ok_or("no request")?;
            assert_eq!(count, whole.then_some(Ok(LINES * LINE as u64)), "{part}");
        }
        assert_eq!(std::fs::read(answer)?, b"got it");
        Ok(())
    }))
}

/// A response to HEAD and one of status 304 have the head of a body, and no body: axum and
/// hyper drop it, and the producer, which has begun, sees that. (Over HTTP/2 hyper sends what
/// the body of a 304 has: a handler must not give it one.)
#[test]
fn a_producer_ends_when_the_response_has_no_body() -> Checked {
    let (tell, mut told) = mpsc::unbounded_channel();
    let respond = async move |status: StatusCode| {
        let (mut out, body) = Writable::builder().body();
        tokio::spawn(async move {
            let ended = loop {
                if let Err(error) = out.send("a line\n").await {
                    break error;
                }
            };
            let _ = tell.send(ended.to_string());
        });
        (status, axum::body::Body::new(body.with_length(1_000_000)))
    };
    let old = respond.clone();
    let pages = Router::new()
        .route("/page", get(async move || respond(StatusCode::OK).await))
        .route(
            "/old",
            get(async move || old(StatusCode::NOT_MODIFIED).await),
        );
    let pages = TowerToHyperService::new(pages);
    let respond = move |request| {
        let response = pages.call(request);
        async { response.await.unwrap_or_else(|never| match never {}) }
    };
    runtime()?.block_on(during(respond, async |address| {
        for (arguments, page, length) in [
            ("--http1.1 --head", "page", true),
            ("--http2-prior-knowledge --head", "page", true),
            ("--http1.1 --include", "old", false),
        ] {
            let mut curl = Command::new("curl");
            let curl = curl.arg("--silent").args(arguments.split(' '));
            let output = curl
                .arg(format!("http://{address}/{page}"))
                .output()
                .await?;
            let text = String::from_utf8(output.stdout)?;
            assert!(output.status.success(), "{arguments}: {}", output.status);
            assert!(
                !length || text.contains("content-length: 1000000"),
                "{text}"
            );
            assert!(text.ends_with("\r\n\r\n"), "no body: {text}");
            let error = told.recv().await.ok_or("no producer")?;
            assert!(error.starts_with("the reader has left"), "{error}");
        }
        Ok(())
    }))
}
