//! A server over HTTP/1.1 and HTTP/2.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;

use highwater::BoxError;
use hyper::body::{Body, Incoming};
use hyper::service::Service;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::stopped;

/// Listens, with this buffer of the system for what is sent, or its own choice.
///
/// # Errors
///
/// If the address is taken, or not one of this machine.
pub fn listen(address: SocketAddr, buffer: Option<u32>) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A server that starts again need not wait for the connections of the last one.
    socket.set_reuseaddr(true)?;
    if let Some(bytes) = buffer {
        socket.set_send_buffer_size(bytes)?;
    }
    socket.bind(address)?;
    socket.listen(1024)
}

/// Serves each client that comes, until stopped. The connections are closed then, so each
/// producer of a body sees that its reader has left.
pub async fn serve<S, B>(listener: TcpListener, service: S, mut stop: watch::Receiver<bool>)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            () = stopped(&mut stop) => return,
        };
        let Ok((connection, _)) = accepted else {
            // One client less, or no file left until one of those that are here ends.
            connections.join_next().await;
            continue;
        };
        let service = service.clone();
        connections.spawn(async move {
            let mut builder = auto::Builder::new(TokioExecutor::new());
            // What hyper may buffer of a response; and a client that has said all that it has
            // to say may close its side.
            builder.http1().max_buf_size(64 * 1024).half_close(true);
            builder.http2().max_send_buf_size(64 * 1024);
            let serving = builder.serve_connection(TokioIo::new(connection), service);
            // How it fails is seen by the producer: the body is dropped.
            let _ = serving.await;
        });
    }
}
