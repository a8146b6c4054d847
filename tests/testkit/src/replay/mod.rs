//! The replayer: the notation of scenarios, their player on the driver, and the history
//! that it records.

pub mod history;
mod host;
pub mod player;
pub mod scenario;
pub mod streams;
