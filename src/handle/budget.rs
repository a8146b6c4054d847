//! The turn of a task: one of tokio that is always ready gives it up now and then.

use core::task::{Context, Poll};

/// Polls on the budget that tokio gives the task. While that is spent this is `Pending`, and `poll`
/// is not called: tokio polls the task again after the others. Never for the wait of a thread, which
/// would sleep then: tokio wakes it only once the task returns. Outside of tokio there is no budget.
#[cfg(feature = "tokio")]
#[inline]
pub(crate) fn on_budget<T>(
    cx: &mut Context<'_>,
    poll: impl FnOnce(&mut Context<'_>) -> Poll<T>,
) -> Poll<T> {
    let turn = core::task::ready!(tokio::task::coop::poll_proceed(cx));
    let found = poll(cx);
    if found.is_ready() {
        // What is `Pending` costs nothing: the drop gives it back.
        turn.made_progress();
    }
    found
}

/// Without tokio there is no budget.
#[cfg(not(feature = "tokio"))]
#[inline]
pub(crate) fn on_budget<T>(
    cx: &mut Context<'_>,
    poll: impl FnOnce(&mut Context<'_>) -> Poll<T>,
) -> Poll<T> {
    poll(cx)
}
