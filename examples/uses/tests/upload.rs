//! `upload`, as it is run: to a real S3 server, whose folder can be looked at.

mod common;

use std::io;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use common::{Checked, Ended, interrupt, run};
use highwater_uses::lines::Check;
use highwater_uses::s3;
use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use s3s::{Body, HttpError, HttpResponse};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_upload");
const MIB: u64 = 1024 * 1024;

/// Started, to the bucket of this store.
fn start(endpoint: &str, password: &str, more: &[&str]) -> io::Result<Child> {
    common::command(PROGRAM)
        .args(["--endpoint", endpoint, "--bucket", s3::BUCKET])
        .args(more)
        .env("AWS_ACCESS_KEY_ID", s3::CREDENTIALS.0)
        .env("AWS_SECRET_ACCESS_KEY", password)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

fn upload(endpoint: &str, password: &str, more: &[&str]) -> io::Result<Ended> {
    let child = start(endpoint, password, more)?;
    Ok(child.wait_with_output()?.into())
}

fn store(
    folder: &TempDir,
) -> Result<impl Fn(Request<Incoming>) -> s3::Answer + Clone + Send + use<>, String> {
    s3::store(folder.path()).map_err(|error| format!("{error:?}"))
}

/// Where it is served.
async fn serve<F, A>(answer: F) -> Result<String, String>
where
    F: Fn(Request<Incoming>) -> A + Clone + Send + 'static,
    A: Future<Output = Result<HttpResponse, HttpError>> + Send,
{
    let address = s3::serve(None, answer).await;
    let address = address.map_err(|error| format!("{error:?}"))?;
    Ok(format!("http://{address}"))
}

fn says_how_much_is_missing(ended: &Ended, size: u64) {
    let missing = size - ended.number("written");
    let text = format!("({missing} of {size} bytes not taken, ");
    assert!(ended.err.contains(&text), "{}", ended.err);
}

#[test]
fn the_end_commits_and_a_destroy_leaves_nothing() -> Checked {
    let ended = run(PROGRAM, "--size 24 --high-water-mark 100000")?;
    ended.well();
    let committed = format!("committed: written={0} verified={0}", 24 * MIB);
    assert!(ended.out.contains(&committed), "{}", ended.out);
    assert!(ended.out.contains("aborted left_behind=0"), "{}", ended.out);
    assert!(ended.number("waits") > 0, "{}", ended.out);
    assert!(ended.number("peak") <= 100_064, "{}", ended.out);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_from_outside_gets_every_byte() -> Checked {
    let folder = tempfile::tempdir()?;
    let store = store(&folder)?;
    let endpoint = serve(store).await?;
    // One that is less than a part, and one whose last part is short.
    for size in ["1", "7"] {
        let arguments = ["--size", size, "--key", "a/b"];
        let ended = upload(&endpoint, s3::CREDENTIALS.1, &arguments)?;
        ended.well();
        let size = size.parse::<u64>()? * MIB;
        assert_eq!(ended.number("verified"), size);
        let object = std::fs::read(folder.path().join(s3::BUCKET).join("a/b"))?;
        let mut check = Check::default();
        assert_eq!(check.take(&object), Ok(()));
        assert_eq!(check.position(), size);
    }

    let ended = upload(&endpoint, "wrong", &["--size", "1"])?;
    ended.with(1, "beginning the upload: ");
    assert!(ended.err.contains("403 Forbidden"), "{}", ended.err);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_the_store_refuses_aborts_the_upload() -> Checked {
    let folder = tempfile::tempdir()?;
    let store = store(&folder)?;
    let answer = move |request: Request<Incoming>| {
        let query = request.uri().query().unwrap_or_default();
        let refused = query.contains("partNumber=2&");
        let answer = store(request);
        async move {
            let mut response = answer.await?;
            if refused {
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            }
            Ok(response)
        }
    };
    let endpoint = serve(answer).await?;
    let ended = upload(&endpoint, s3::CREDENTIALS.1, &["--size", "64"])?;
    ended.with(1, "500 Internal Server Error");
    says_how_much_is_missing(&ended, 64 * MIB);
    assert!(ended.err.trim_end().ends_with("aborted)"), "{}", ended.err);
    assert!(s3::files(folder.path())?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_the_store_refuses_is_one_line() -> Checked {
    let folder = tempfile::tempdir()?;
    let store = store(&folder)?;
    let answer = move |request: Request<Incoming>| {
        let query = request.uri().query().unwrap_or_default();
        let commits = request.method() == Method::POST && query.contains("uploadId=");
        let answer = store(request);
        async move {
            match commits {
                true => {
                    let mut response = HttpResponse::new(Body::empty());
                    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                    Ok(response)
                }
                false => answer.await,
            }
        }
    };
    let endpoint = serve(answer).await?;
    let ended = upload(&endpoint, s3::CREDENTIALS.1, &["--size", "7"])?;
    ended.with(1, "500 Internal Server Error");
    assert!(ended.err.contains("its commit had begun"), "{}", ended.err);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_goes_away_is_one_line_with_what_it_may_keep() -> Checked {
    let folder = tempfile::tempdir()?;
    let store = store(&folder)?;
    let gone = Arc::new(AtomicBool::new(false));
    let answer = move |request: Request<Incoming>| {
        let query = request.uri().query().unwrap_or_default();
        if query.contains("partNumber=2&") {
            gone.store(true, Ordering::Relaxed);
        }
        let answer = store(request);
        let gone = gone.load(Ordering::Relaxed);
        async move {
            match gone {
                // The connection is closed.
                true => Err(HttpError::new("gone".into())),
                false => answer.await,
            }
        }
    };
    let endpoint = serve(answer).await?;
    let ended = upload(&endpoint, s3::CREDENTIALS.1, &["--size", "64"])?;
    ended.with(1, "highwater/lines.txt: ");
    says_how_much_is_missing(&ended, 64 * MIB);
    assert!(ended.err.contains("perhaps not aborted: "), "{}", ended.err);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_store_answers_instead_is_one_line() -> Checked {
    const NO_BUCKET: &str = "<Error><Code>NoSuchBucket</Code></Error>";
    for (status, text, says) in [
        (
            StatusCode::INTERNAL_SERVER_ERROR,
            "",
            "500 Internal Server Error",
        ),
        (StatusCode::NOT_FOUND, NO_BUCKET, "NoSuchBucket"),
    ] {
        let answer = move |_: Request<Incoming>| async move {
            let mut response = HttpResponse::new(Body::from(text.to_owned()));
            *response.status_mut() = status;
            Ok(response)
        };
        let ended = upload(&serve(answer).await?, s3::CREDENTIALS.1, &[])?;
        ended.with(1, says);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_takes_the_upload_back() -> Checked {
    let folder = tempfile::tempdir()?;
    let store = store(&folder)?;
    let (tell, told) = mpsc::channel();
    let answer = move |request: Request<Incoming>| {
        let query = request.uri().query().unwrap_or_default();
        if query.contains("partNumber=2&") {
            let _ = tell.send(());
        }
        store(request)
    };
    let endpoint = serve(answer).await?;
    // Longer than it takes to interrupt it.
    let child = start(&endpoint, s3::CREDENTIALS.1, &["--size", "20000"])?;
    told.recv()?;
    interrupt(&child)?;
    let ended: Ended = child.wait_with_output()?.into();
    ended.with(130, "upload: interrupted: written=");
    assert!(ended.err.trim_end().ends_with("aborted"), "{}", ended.err);
    assert!(ended.number("written") >= 5 * MIB, "{}", ended.err);
    assert!(s3::files(folder.path())?.is_empty());
    Ok(())
}

#[test]
fn bad_arguments_are_one_line_and_status_2() -> Checked {
    for bad in [
        "--size x",
        "--size 0",
        "--endpoint ftp://x --bucket y",
        "--endpoint http://x",
        "--bucket y",
        "--nothing",
        "more",
    ] {
        run(PROGRAM, bad)?.with(2, "upload: ");
    }
    Ok(())
}

#[test]
fn what_cannot_be_reached_is_one_line() -> Checked {
    // Free again when the listener is dropped.
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let endpoint = format!("http://{address}");
    upload(&endpoint, "any", &[])?.with(1, "Connection refused");
    upload(&endpoint, "any", &["--key", "a//b"])?.with(1, "the key: ");
    let without = Command::new(PROGRAM)
        .args(["--endpoint", &endpoint, "--bucket", "any"])
        .env_remove("AWS_ACCESS_KEY_ID")
        .output()?;
    Ended::from(without).with(1, "no credentials: AWS_ACCESS_KEY_ID");
    Ok(())
}

#[test]
fn ctrl_c_without_a_store_is_one_line() -> Checked {
    let ended = common::run_interrupted(PROGRAM, "--size 10000")?;
    ended.with(130, "upload: interrupted: ");
    Ok(())
}
