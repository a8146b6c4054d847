//! The writable stream as a pure transition function.
//!
//! (contract to come)

mod effect;
mod finish;
mod input;
mod level;
mod options;
pub(crate) mod quirks;
mod sink;
mod state;
mod step;
mod teardown;

pub use effect::{Effect, Event, Next, Step, Task, Then};
pub use input::{End, ErrorId, Fault, Input, Measure};
pub use options::Options;
#[cfg(feature = "node")]
pub use quirks::Quirks;
pub use state::{Phase, State};
pub use step::step;
