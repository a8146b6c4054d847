//! How a worker leaves a stream that is closed.

use super::unwind::dispose;
use crate::handle::{Shared, SinkSlot};
use crate::sync::PoisonError;

/// Leaves the sink for the owner, or drops it if the owner has left.
pub(super) fn leave_sink<W>(shared: &Shared, slot: &SinkSlot<W>, sink: Option<W>) {
    *slot.lock().unwrap_or_else(PoisonError::into_inner) = sink;
    let owner_left = shared.worker_leaves();
    if owner_left {
        let sink = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        dispose(sink);
    }
}
