//! What streams share and wait with, in one place: from the standard library, or, when
//! its interleavings are searched (`tests/loom.rs`), from loom.

#[cfg(not(highwater_loom))]
pub(crate) use {
    alloc::sync::Arc,
    core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence},
    std::sync::{Mutex, MutexGuard},
    std::thread,
    std::thread_local,
};

#[cfg(highwater_loom)]
pub(crate) use loom::{
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence},
    sync::{Arc, Mutex, MutexGuard},
    thread, thread_local,
};

pub(crate) use std::sync::PoisonError;

/// Parks this thread, at most so long.
pub(crate) fn park(time: Option<core::time::Duration>) {
    match time {
        // In loom's models no time passes, so none of them waits with a limit.
        #[cfg(not(highwater_loom))]
        Some(time) => thread::park_timeout(time),
        _ => thread::park(),
    }
}
