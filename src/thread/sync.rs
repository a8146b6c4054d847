//! What the adapter shares and waits with, in one place: from the standard
//! library, or, when its interleavings are searched (`tests/loom.rs`), from loom.

#[cfg(not(highwater_loom))]
mod std_sync {
    pub(in super::super) use alloc::sync::Arc;
    pub(in super::super) use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    pub(in super::super) use std::sync::{Condvar, Mutex, MutexGuard};
    pub(in super::super) use std::thread::{self, JoinHandle};
}

#[cfg(highwater_loom)]
mod loom_sync {
    pub(in super::super) use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    pub(in super::super) use loom::sync::{Arc, Condvar, Mutex, MutexGuard};
    pub(in super::super) use loom::thread::{self, JoinHandle};
}

#[cfg(highwater_loom)]
pub(super) use loom_sync::*;
pub(super) use std::sync::PoisonError;
#[cfg(not(highwater_loom))]
pub(super) use std_sync::*;
