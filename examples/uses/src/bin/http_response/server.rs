//! The server: hyper, with a body that is the far end of a stream.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use highwater::Writable;
use http_body_util::{Either, Empty};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, DuplexStream, ReadBuf};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::producer::{Produced, Producing, produce};
use highwater_uses::stopped;

/// The pipe between the stream and the body: what a frame of the body holds at most.
const PIPE: usize = 16 * 1024;

/// What every request needs.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) size: u64,
    pub(crate) mark: u64,
    pub(crate) produced: mpsc::UnboundedSender<Produced>,
    pub(crate) producing: watch::Sender<Producing>,
    pub(crate) stop: watch::Receiver<bool>,
}

/// Listens, with this buffer of the system for what is sent, or its own choice.
pub(crate) fn listen(address: SocketAddr, buffer: Option<u32>) -> io::Result<TcpListener> {
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

impl Server {
    /// Accepts until stopped; ends when every producer has ended.
    pub(crate) async fn run(mut self, listener: TcpListener) {
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                Some(_) = connections.join_next() => continue,
                () = stopped(&mut self.stop) => break,
            };
            match accepted {
                Ok((connection, _)) => {
                    connections.spawn(self.clone().connection(TokioIo::new(connection)));
                }
                // One client less, or no file left until one of those that are here ends.
                Err(_) => drop(connections.join_next().await),
            }
        }
        while connections.join_next().await.is_some() {}
    }

    async fn connection(self, io: TokioIo<tokio::net::TcpStream>) {
        let mut stop = self.stop.clone();
        let mut producers = JoinSet::new();
        let (start, mut started) = mpsc::unbounded_channel();
        let service = service_fn(|request| {
            let response = self.respond(&request, &start);
            async { response }
        });
        let serving = http1::Builder::new()
            // What hyper may buffer of a response.
            .max_buf_size(64 * 1024)
            .serve_connection(io, service);
        {
            tokio::pin!(serving);
            loop {
                tokio::select! {
                    // How it fails is seen by the producer: the body is dropped.
                    _ = &mut serving => break,
                    Some(stream) = started.recv() => drop(producers.spawn(self.producer(stream))),
                    Some(produced) = producers.join_next() => self.tell(produced),
                    () = stopped(&mut stop) => break,
                }
            }
        }
        // The client may have left before a stream had its producer.
        while let Ok(stream) = started.try_recv() {
            producers.spawn(self.producer(stream));
        }
        while let Some(produced) = producers.join_next().await {
            self.tell(produced);
        }
    }

    fn producer(&self, out: Writable<DuplexStream>) -> impl Future<Output = Produced> + use<> {
        produce(out, self.size, self.producing.clone(), self.stop.clone())
    }

    fn tell(&self, produced: Result<Produced, tokio::task::JoinError>) {
        if let Ok(produced) = produced {
            // There is no listener any more once the example is over.
            let _ = self.produced.send(produced);
        }
    }

    fn respond(
        &self,
        request: &Request<Incoming>,
        start: &mpsc::UnboundedSender<Writable<DuplexStream>>,
    ) -> Result<Response<Either<Streamed, Empty<Bytes>>>, Infallible> {
        let mut empty = Response::new(Either::Right(Empty::new()));
        match *request.method() {
            Method::GET => {}
            Method::HEAD => {
                let length = header::HeaderValue::from(self.size);
                empty.headers_mut().insert(header::CONTENT_LENGTH, length);
                return Ok(empty);
            }
            _ => {
                *empty.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
                return Ok(empty);
            }
        }
        let (near, far) = tokio::io::duplex(PIPE);
        let builder = Writable::builder().high_water_mark(self.mark);
        match builder.spawn_tokio(near) {
            Ok(stream) => {
                // It is taken by the task that serves this connection.
                let _ = start.send(stream);
                let left = self.size;
                Ok(Response::new(Either::Left(Streamed { far, left })))
            }
            Err(_) => {
                *empty.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                Ok(empty)
            }
        }
    }
}

/// The body: what comes out of the pipe.
pub(crate) struct Streamed {
    far: DuplexStream,
    left: u64,
}

impl Body for Streamed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let mut space = [0; PIPE];
        let mut buffer = ReadBuf::new(&mut space);
        if let Err(error) = ready!(Pin::new(&mut self.far).poll_read(cx, &mut buffer)) {
            return Poll::Ready(Some(Err(error)));
        }
        let count = buffer.filled().len() as u64;
        if count == 0 {
            // A stream that was destroyed must not look like a body that is whole.
            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
        }
        self.left = self.left.saturating_sub(count);
        let data = Bytes::copy_from_slice(buffer.filled());
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    /// It becomes the `content-length`, by which a client sees that a body is cut off.
    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
