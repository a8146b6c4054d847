//! The service: a response for each request, and a producer for each body.

use std::convert::Infallible;
use std::future::{Ready, ready};

use highwater::{Body, Writable};
use http_body_util::{Either, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_LENGTH, HeaderValue};
use hyper::service::Service;
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::{mpsc, watch};

use crate::producer::{Produced, Producing, produce};

/// What every request needs.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) size: u64,
    pub(crate) mark: u64,
    pub(crate) produced: mpsc::UnboundedSender<Produced>,
    pub(crate) producing: watch::Sender<Producing>,
    pub(crate) stop: watch::Receiver<bool>,
}

impl Service<Request<Incoming>> for Server {
    type Response = Response<Either<Body, Empty<Bytes>>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let (out, body) = Writable::builder().high_water_mark(self.mark).body();
        let body = body.with_length(self.size);
        let mut response = Response::new(Either::Left(body));
        match *request.method() {
            Method::GET => {
                let producing = self.producing.clone();
                let produced = produce(out, self.size, producing, self.stop.clone());
                let tell = self.produced.clone();
                // There is no listener any more once the example is over.
                tokio::spawn(async move { drop(tell.send(produced.await)) });
            }
            // The head of the response to GET, without its body.
            Method::HEAD => {
                let length = HeaderValue::from(self.size);
                response.headers_mut().insert(CONTENT_LENGTH, length);
                *response.body_mut() = Either::Right(Empty::new());
            }
            _ => {
                *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
                *response.body_mut() = Either::Right(Empty::new());
            }
        }
        ready(Ok(response))
    }
}
