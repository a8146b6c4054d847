//! A fence in two halves: a light one for the owner, which writes often, and a heavy one for
//! a caller that takes the owner's lease away, which is seldom.
//!
//! The owner stores how far it has written, makes the light half, and loads whether it still
//! has the lease. The other stores that the lease is over, makes the heavy half, and loads
//! how far the owner has written. Of the two, at least one sees what the other has stored.

use crate::sync::{Ordering, fence};

/// What the two halves are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Barrier {
    /// The light half keeps the compiler's order alone. The heavy half is a call of the system
    /// (`membarrier`), which makes every processor that runs this process pass a fence.
    #[cfg(all(target_os = "linux", not(any(highwater_loom, highwater_fences))))]
    System,
    /// Both halves are fences.
    Fences,
}

impl Barrier {
    /// Asks the system, once in a process. That may take it some milliseconds if there are
    /// threads already, so a stream does it when it is made, and not in a write.
    pub(super) fn prepare() {
        let _ = Self::of_process();
    }

    /// The one for this process: that of the system, if the system has it.
    pub(super) fn of_process() -> Self {
        #[cfg(all(target_os = "linux", not(any(highwater_loom, highwater_fences))))]
        {
            use std::sync::OnceLock;
            static OF_PROCESS: OnceLock<Barrier> = OnceLock::new();
            *OF_PROCESS.get_or_init(|| match system::register() {
                true => Self::System,
                false => Self::Fences,
            })
        }
        #[cfg(not(all(target_os = "linux", not(any(highwater_loom, highwater_fences)))))]
        Self::Fences
    }

    /// The owner's half.
    #[inline]
    pub(super) fn light(self) {
        match self {
            #[cfg(all(target_os = "linux", not(any(highwater_loom, highwater_fences))))]
            Self::System => core::sync::atomic::compiler_fence(Ordering::SeqCst),
            Self::Fences => fence(Ordering::SeqCst),
        }
    }

    /// The half of the one who takes the lease away.
    pub(super) fn heavy(self) {
        match self {
            #[cfg(all(target_os = "linux", not(any(highwater_loom, highwater_fences))))]
            Self::System => system::interrupt_all(),
            Self::Fences => fence(Ordering::SeqCst),
        }
    }
}

#[cfg(all(target_os = "linux", not(any(highwater_loom, highwater_fences))))]
mod system {
    use core::time::Duration;

    use rustix::io::Errno;
    use rustix::thread::{MembarrierCommand, membarrier};

    /// A store is seen by other processors long before.
    const LONG: Duration = Duration::from_millis(1);

    /// Whether this process may call [`interrupt_all`].
    pub(super) fn register() -> bool {
        membarrier(MembarrierCommand::RegisterPrivateExpedited).is_ok()
    }

    pub(super) fn interrupt_all() {
        let mut command = MembarrierCommand::PrivateExpedited;
        loop {
            match membarrier(command) {
                Ok(()) => return,
                // The kernel had no memory for it at the moment.
                Err(Errno::NOMEM | Errno::INTR) => crate::sync::thread::yield_now(),
                Err(_) if command == MembarrierCommand::PrivateExpedited => {
                    command = MembarrierCommand::Global;
                }
                // A filter that the process has installed since forbids the call.
                Err(_) => return std::thread::sleep(LONG),
            }
        }
    }
}

#[cfg(all(test, target_os = "linux", not(any(highwater_loom, highwater_fences))))]
mod tests {
    use super::Barrier;

    #[test]
    fn this_system_has_a_barrier() {
        assert_eq!(Barrier::of_process(), Barrier::System);
        Barrier::of_process().heavy();
    }
}
