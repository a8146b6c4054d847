//! What a log does that is full.

use core::time::Duration;

/// What a thread does that logs when there is no room.
///
/// ```
/// use highwater::log::{Log, WhenFull};
///
/// let log = Log::builder().when_full(WhenFull::Drop).spawn(std::io::sink())?;
/// assert_eq!(log.dropped(), 0);
/// # Ok::<_, highwater::BoxError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenFull {
    /// It waits until there is room. The default.
    #[default]
    Wait,
    /// It waits until there is room, at most this long, for each line. Then it drops the line,
    /// and the log [counts](crate::log::Log::dropped) it. With a sink that is stuck, each line takes that
    /// long.
    WaitAtMost(Duration),
    /// It drops the new line at once, and the log [counts](crate::log::Log::dropped) it: from
    /// [`Flow::Wait`](crate::Flow::Wait) to the next 'drain'.
    Drop,
}
