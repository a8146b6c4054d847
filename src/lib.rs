//! highwater
#![no_std]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod machine;

#[cfg(feature = "alloc")]
mod callbacks;
#[cfg(feature = "alloc")]
mod driver;
#[cfg(feature = "alloc")]
mod queue;

#[cfg(feature = "alloc")]
pub use driver::{Driver, Flow, Host, Refused};
