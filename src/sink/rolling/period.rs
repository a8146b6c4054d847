//! The hours and days of a log, of universal or of local time.

use alloc::boxed::Box;
use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};
use std::time::{SystemTime, UNIX_EPOCH};

/// Says how far local time is ahead of universal time, in seconds.
type Offset = Box<dyn Fn(SystemTime) -> i32 + Send + Sync>;

/// Numbers the hours or days.
pub(super) struct Period {
    /// How long one is, in seconds. `None` if the time does not count.
    pub(super) seconds: Option<u32>,
    pub(super) utc_offset: Offset,
}

// The offset is called with `&self`, before the sink changes.
impl RefUnwindSafe for Period {}
impl UnwindSafe for Period {}

impl Period {
    /// The number of the hour or day that has this moment, always the same if time does not
    /// count.
    pub(super) fn of(&self, at: SystemTime) -> i64 {
        let Some(seconds) = self.seconds else {
            return 0;
        };
        let since = at.duration_since(UNIX_EPOCH);
        let universal = match &since {
            Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |n| -n),
        };
        let local = universal.saturating_add(i64::from((self.utc_offset)(at)));
        local.div_euclid(seconds.into())
    }

    pub(super) fn now(&self) -> i64 {
        match self.seconds {
            Some(_) => self.of(SystemTime::now()),
            None => 0,
        }
    }
}

impl Default for Period {
    fn default() -> Self {
        Self {
            seconds: None,
            utc_offset: Box::new(|_| 0),
        }
    }
}

impl fmt::Debug for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Period")
            .field("seconds", &self.seconds)
            .finish_non_exhaustive()
    }
}
