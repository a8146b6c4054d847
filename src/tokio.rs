//! The stream over tokio's `AsyncWrite`, with its worker as a task of tokio.
//!
//! [`spawn`] and [`open`] start it; the handle is a
//! [`future::Writable`](crate::future::Writable), which is also an `AsyncWrite` of
//! tokio. At the end the sink is flushed, shut down, and handed back.
//!
//! ```
//! use highwater::{Flow, future::Writable};
//! use tokio::io::AsyncReadExt;
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let (near, mut far) = tokio::io::duplex(64);
//! let reader = tokio::spawn(async move {
//!     let mut text = String::new();
//!     far.read_to_string(&mut text).await.map(|_| text)
//! });
//!
//! let builder = Writable::builder().high_water_mark(1024);
//! let mut out = highwater::tokio::spawn(builder, near)?;
//! for n in 1..=10_000 {
//!     if out.write(format!("{n}\n"))? == Flow::Wait {
//!         out.drained().await?;
//!     }
//! }
//! drop(out.end().await?.sink);
//! assert_eq!(reader.await??.lines().count(), 10_000);
//! # Ok::<_, highwater::BoxError>(())
//! # })?;
//! # Ok::<_, highwater::BoxError>(())
//! ```
//!
//! If the runtime shuts down before the end, the stream is destroyed.

pub use crate::io::pipe;
pub use crate::worker::{open, spawn};
