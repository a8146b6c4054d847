//! What streams share and wait with, in one place: from the standard library, or, when
//! its interleavings are searched (`tests/loom.rs`), from loom.

#[cfg(not(highwater_loom))]
pub(crate) use {
    alloc::sync::Arc,
    core::sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    std::sync::{Condvar, Mutex, MutexGuard},
    std::thread::{self, JoinHandle},
};

#[cfg(highwater_loom)]
pub(crate) use loom::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread::{self, JoinHandle},
};

pub(crate) use std::sync::PoisonError;
