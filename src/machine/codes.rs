//! Node's error codes, and the two that Node does not know. The errors of the
//! adapters have them too.

/// `write()` after `end()`.
pub const WRITE_AFTER_END: &str = "ERR_STREAM_WRITE_AFTER_END";
/// The stream was destroyed.
pub const DESTROYED: &str = "ERR_STREAM_DESTROYED";
/// `end()` after 'finish'.
pub const ALREADY_FINISHED: &str = "ERR_STREAM_ALREADY_FINISHED";
/// An answer came when none was due.
pub const MULTIPLE_CALLBACK: &str = "ERR_MULTIPLE_CALLBACK";
/// The options ask for a function that the host does not have.
pub const METHOD_NOT_IMPLEMENTED: &str = "ERR_METHOD_NOT_IMPLEMENTED";
/// A position lies outside of what was accepted.
pub const OUT_OF_RANGE: &str = "ERR_OUT_OF_RANGE";
/// The stream was destroyed with a reason: Node's code of an abort.
pub const ABORTED: &str = "ABORT_ERR";
/// A chunk would pass the limit of the length. Not Node's.
pub const TOO_LONG: &str = "TOO_LONG";
/// The sink, or other code of the user's, panicked. Not Node's.
pub const PANIC: &str = "PANIC";
/// A system error without a known code; Node's name for it.
pub const UNKNOWN: &str = "UNKNOWN";
