//! What the adapter shares and waits with, in one place: from the standard
//! library, or, when its interleavings are searched (`tests/loom.rs`), from loom.

#[cfg(not(highwater_loom))]
mod std_sync {
    pub(crate) use alloc::sync::Arc;
    pub(crate) use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};
    pub(crate) use std::thread::{self, JoinHandle};
}

#[cfg(highwater_loom)]
mod loom_sync {
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    pub(crate) use loom::sync::{Arc, Condvar, Mutex, MutexGuard};
    pub(crate) use loom::thread::{self, JoinHandle};
}

#[cfg(highwater_loom)]
pub(crate) use loom_sync::*;
pub(crate) use std::sync::PoisonError;
#[cfg(not(highwater_loom))]
pub(crate) use std_sync::*;
