//! What the adapter takes from the standard library to share and to wait, in
//! one place, so that another implementation can stand in for it.

pub(super) use alloc::sync::Arc;
pub(super) use core::sync::atomic::{AtomicBool, Ordering};
pub(super) use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
pub(super) use std::thread::{self, JoinHandle};
