//! A real S3 server on loopback, over a folder: each object is a file in the
//! folder of its bucket, and the parts of an upload that is not complete are files
//! beside that.

use std::fs;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s::{HttpError, HttpResponse};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Sleep, sleep};

use crate::Failure;

/// The name of the only bucket.
pub const BUCKET: &str = "bucket";
/// The name of the only user, and its password: requests are signed with them.
pub const CREDENTIALS: (&str, &str) = ("access", "secret");

/// The answer to a request, some time.
pub type Answer = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send>>;

/// What answers requests, over this folder.
///
/// # Errors
///
/// If the folder cannot be used.
pub fn store(
    folder: &Path,
) -> Result<impl Fn(Request<Incoming>) -> Answer + Clone + Send + use<>, Failure> {
    fs::create_dir_all(folder.join(BUCKET))
        .map_err(|error| Failure::of("the folder of the store", &error))?;
    let files = s3s_fs::FileSystem::new(folder)
        .map_err(|error| Failure::new(format!("the folder of the store: {error:?}")))?;
    let mut builder = S3ServiceBuilder::new(files);
    let (name, password) = CREDENTIALS;
    builder.set_auth(SimpleAuth::from_single(name, password));
    let service = builder.build();
    Ok(move |request| Service::call(&service, request))
}

/// Every file of the store, in the folder and in those in it.
///
/// # Errors
///
/// If a folder cannot be read.
pub fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(self::files(&path)?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Serves on a free port of loopback, until the runtime ends. This many bytes a second
/// are read from each connection, or as many as there are.
///
/// # Errors
///
/// If there is no port.
pub async fn serve<F, A>(bytes_per_second: Option<u32>, answer: F) -> Result<SocketAddr, Failure>
where
    F: Fn(Request<Incoming>) -> A + Clone + Send + 'static,
    A: Future<Output = Result<HttpResponse, HttpError>> + Send,
{
    let failed = |error: io::Error| Failure::of("listening on loopback", &error);
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    tokio::spawn(async move {
        // A listener that cannot accept is over: the system refuses later clients.
        while let Ok((connection, _)) = listener.accept().await {
            let slow = TokioIo::new(Slow::new(connection, bytes_per_second));
            let serving = http1::Builder::new().serve_connection(slow, service_fn(answer.clone()));
            // How it fails is seen by the client.
            tokio::spawn(async { drop(serving.await) });
        }
    });
    Ok(address)
}

/// A connection that is read slowly.
struct Slow {
    connection: TcpStream,
    bytes_per_second: Option<u32>,
    pause: Pin<Box<Sleep>>,
}

impl Slow {
    fn new(connection: TcpStream, bytes_per_second: Option<u32>) -> Self {
        Self {
            connection,
            bytes_per_second,
            pause: Box::pin(sleep(Duration::ZERO)),
        }
    }
}

impl AsyncRead for Slow {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(rate) = self.bytes_per_second else {
            return Pin::new(&mut self.connection).poll_read(cx, buffer);
        };
        ready!(self.pause.as_mut().poll(cx));
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.connection).poll_read(cx, buffer))?;
        let count = buffer.filled().len() - before;
        let pause = Duration::from_secs_f64(count as f64 / f64::from(rate.max(1)));
        self.pause.set(sleep(pause));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Slow {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.connection).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_shutdown(cx)
    }
}
