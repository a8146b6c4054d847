//! What streams share and wait with, in one place: from the standard library, or, when
//! interleavings are searched, from loom (`tests/loom.rs`) or shuttle (`tests/shuttle.rs`).

#[cfg(not(highwater_loom))]
pub(crate) use {
    alloc::sync::Arc,
    core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence},
    std::sync::{Mutex, MutexGuard},
    std::thread,
    std::thread_local,
};

#[cfg(all(highwater_loom, not(highwater_loom = "shuttle")))]
pub(crate) use loom::{
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence},
    sync::{Arc, Mutex, MutexGuard},
    thread, thread_local,
};

#[cfg(highwater_loom = "shuttle")]
pub(crate) use shuttle::{
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence},
    sync::{Arc, Mutex, MutexGuard},
    thread, thread_local,
};

pub(crate) use std::sync::PoisonError;

/// Parks this thread, at most this long.
pub(crate) fn park(time: Option<core::time::Duration>) {
    match time {
        // In models no time passes, so none of them waits with a limit.
        #[cfg(not(highwater_loom))]
        Some(time) => thread::park_timeout(time),
        _ => thread::park(),
    }
}
