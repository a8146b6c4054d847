//! What the models of loom share: `tests/loom.rs`, `tests/loom_future.rs`,
//! `tests/loom_body.rs` and `tests/loom_lease.rs`.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// All interleavings with at most so many preemptions; `HIGHWATER_PREEMPTIONS=0`
/// is all there are.
pub(crate) fn model(f: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    let bound = std::env::var("HIGHWATER_PREEMPTIONS").ok();
    let bound = bound.and_then(|bound| bound.parse().ok()).unwrap_or(3);
    builder.preemption_bound = (bound > 0).then_some(bound);
    builder.max_branches = 100_000;
    builder.check(f);
}

/// Polls once, with a waker that wakes no task.
pub(crate) fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}
