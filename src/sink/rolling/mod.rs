//! A file that rotates by size and by time.
//!
//! Why not a crate that does this? Each of those that people use breaks a promise of a log when
//! the system refuses something, as a small program showed for each. `file-rotate` 0.8.0 closes
//! the old file first; if the new one cannot be opened, `write` returns `Ok` and the lines are
//! nowhere. With its limit in bytes it cuts a line in two. `rolling-file` 0.2.0 buffers, so a
//! crash loses lines that it has taken, and it reports a failure on stderr alone. It has also closed
//! the old file, so each later write is an error. `logroller` 0.1.12 renames first. Once the new
//! file could not be opened, each later write fails, as there is nothing left to rename. All of
//! them try again at each line.

mod builder;
mod compress;
mod file;
mod lines;
mod names;
mod period;
mod status;

pub use builder::RollingFileBuilder;
pub use file::RollingFile;
pub use status::RollingStatus;
