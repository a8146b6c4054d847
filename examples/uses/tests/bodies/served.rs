//! A server of this process, with one thread.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;

use highwater_uses::http::{listen, serve};
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use tokio::runtime::Runtime;
use tokio::sync::watch;

pub(crate) type Checked = Result<(), highwater::BoxError>;

/// A runtime of one thread: if a producer blocked it, no client would be served.
pub(crate) fn runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}

/// Serves while the clients do what they do.
pub(crate) async fn during<B, F, T>(
    respond: impl Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    clients: impl AsyncFnOnce(SocketAddr) -> Result<T, highwater::BoxError>,
) -> Result<T, highwater::BoxError>
where
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data: Send, Error: Into<highwater::BoxError>> + Send + 'static,
{
    let listener = listen(([127, 0, 0, 1], 0).into(), None)?;
    let address = listener.local_addr()?;
    let (stop, stopped) = watch::channel(false);
    let service = service_fn(move |request| {
        let response = respond(request);
        async { Ok::<_, Infallible>(response.await) }
    });
    let serving = tokio::spawn(serve(listener, service, stopped));
    let done = clients(address).await;
    stop.send_replace(true);
    serving.await?;
    done
}
