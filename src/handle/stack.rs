//! Which workers run on the stack of this thread. A thread that waits for one of them
//! would wait for itself.

use alloc::vec::Vec;
use core::cell::RefCell;

use crate::sync::thread_local;

thread_local! {
    /// The streams whose workers run here. An executor may poll one worker within another.
    // Loom's macro takes no `const` block.
    #[allow(clippy::missing_const_for_thread_local)]
    static RUNNING: RefCell<Vec<usize>> = RefCell::new(Vec::new());
}

/// While it lives, the worker of this stream runs on this thread.
#[derive(Debug)]
#[must_use = "dropping it says that the worker has returned"]
pub(crate) struct Running(usize);

impl Running {
    pub(super) fn new(stream: usize) -> Self {
        let _ = RUNNING.try_with(|running| running.borrow_mut().push(stream));
        Self(stream)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = RUNNING.try_with(|running| {
            let mut running = running.borrow_mut();
            // Not always the last: a value on the heap may live longer than another.
            if let Some(index) = running.iter().rposition(|&stream| stream == self.0) {
                running.swap_remove(index);
            }
        });
    }
}

/// Whether the worker of this stream runs on this thread.
pub(super) fn runs_here(stream: usize) -> bool {
    // Once a thread drops what is its own, nothing runs on its stack but that.
    let here = RUNNING.try_with(|running| running.borrow().contains(&stream));
    here.unwrap_or(false)
}
