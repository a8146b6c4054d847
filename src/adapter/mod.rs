//! What all adapters share: they differ only in who touches the sink, and in how
//! somebody waits.
//!
//! - `core.rs`: the stream, as it lies under an adapter's lock
//! - `desk.rs`: the [`Host`](crate::Host) of that stream, which puts jobs for the
//!   sink down and takes what has become of them
//! - `delivery.rs`: a job under way: what the sink is to be given next
//! - `event.rs`: what is told and can be read
//! - `outcome.rs`: what is left at the end
//! - `user.rs`: calls of what users have written, none of which may unwind
//! - `sync.rs`: the primitives, in one place
//!
//! A small write is usually no more than a copy under the lock: the machine says
//! how many bytes it would queue and answer `true` (its *lease*), and what was
//! written on the lease is put in as one chunk before anything else happens. No caller
//! can tell the difference: that is a law, with tests (`tests/lease.rs`).
//!
//! There is no rule of the stream here: what may be written when, who is told
//! to wait and when that is over is the [machine](crate::machine)'s affair.

pub(crate) mod core;
pub(crate) mod delivery;
pub(crate) mod desk;
pub(crate) mod event;
pub(crate) mod outcome;
pub(crate) mod sync;
pub(crate) mod user;
