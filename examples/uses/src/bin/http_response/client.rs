//! A client that is slow for sure: it reads a piece only while the producer waits,
//! that is, when everything between the two is full.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use highwater_uses::Failure;
use highwater_uses::lines::Check;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpSocket;
use tokio::sync::watch;

use crate::producer::Producing;

/// The system's buffers on loopback, kept small so that the stream feels the client.
pub(crate) const SYSTEM_BUFFER: u32 = 64 * 1024;

/// What came.
pub(crate) struct Got {
    /// All of them right.
    pub(crate) bytes: u64,
    pub(crate) pieces: u64,
}

/// Reads the body up to this position, or its end, and then closes the connection.
/// `arrived` is how far it is.
pub(crate) async fn get(
    address: SocketAddr,
    up_to: u64,
    mut producing: watch::Receiver<Producing>,
    arrived: &AtomicU64,
) -> Result<Got, Failure> {
    let connection = async {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(SYSTEM_BUFFER)?;
        socket.connect(address).await
    };
    let connection = connection
        .await
        .map_err(|error| Failure::of("connecting on loopback", &error))?;
    let hyper = |error: hyper::Error| Failure::of("the client", &error);
    let (mut sender, serving) = http1::Builder::new()
        .max_buf_size(64 * 1024)
        .handshake(TokioIo::new(connection))
        .await
        .map_err(hyper)?;
    let serving = tokio::spawn(serving);
    let request = Request::get("/")
        .header(header::HOST, address.to_string())
        .body(Empty::<Bytes>::new())
        .map_err(|error| Failure::of("the request", &error))?;
    let response = sender.send_request(request).await.map_err(hyper)?;
    if response.status() != StatusCode::OK {
        return Err(Failure::new(format!("the answer is {}", response.status())));
    }
    let mut body = response.into_body();
    let mut check = Check::default();
    let mut pieces = 0;
    while check.position() < up_to {
        let full = |producing: &Producing| *producing != Producing::Writing;
        if producing.wait_for(full).await.is_err() {
            return Err(Failure::new("the server is gone"));
        }
        let Some(frame) = body.frame().await else {
            break;
        };
        if let Some(data) = frame.map_err(hyper)?.data_ref() {
            pieces += 1;
            if let Err(at) = check.take(data) {
                return Err(Failure::new(format!("a wrong byte after {at}")));
            }
            arrived.store(check.position(), Ordering::Relaxed);
        }
    }
    // The task has the connection: without it, it is closed.
    serving.abort();
    let bytes = check.position();
    Ok(Got { bytes, pieces })
}
