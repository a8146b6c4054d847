//! What a stream is created with.

use super::quirks::Quirks;

/// What a stream is created with; it never changes afterwards.
///
/// The defaults are Node's: mark 16,384, low-water mark 0, no limit,
/// `autoDestroy` and `emitClose` on, no hooks.
///
/// ```
/// use highwater::machine::Options;
///
/// const LOG: Options = Options::new().with_high_water_mark(64 * 1024).with_batches(true);
/// assert_eq!(LOG.high_water_mark(), 65_536);
/// assert_eq!(LOG.low_water_mark(), 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Options {
    high_water_mark: u64,
    /// As wished; read through [`Options::low_water_mark`], which keeps it
    /// below `max(high_water_mark, 1)`.
    low_water_mark: u64,
    limit: u64,
    pub(super) object_mode: bool,
    pub(super) auto_destroy: bool,
    pub(super) refusals_fail: bool,
    pub(super) emit_close: bool,
    pub(super) batches: bool,
    pub(super) construct: bool,
    pub(super) finalize: bool,
    #[cfg(feature = "node")]
    quirks: Quirks,
}

impl Options {
    /// Node's defaults, without hooks. The high-water mark is that of Node 20, 16 KiB; since Node 22
    /// it is 64 KiB there.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            high_water_mark: 16 * 1024,
            low_water_mark: 0,
            limit: u64::MAX,
            object_mode: false,
            auto_destroy: true,
            refusals_fail: true,
            emit_close: true,
            batches: false,
            construct: false,
            finalize: false,
            #[cfg(feature = "node")]
            quirks: Quirks::NONE,
        }
    }

    /// `highWaterMark`: the length, in bytes (or objects), at which a write returns
    /// [`Flow::Wait`](super::Flow::Wait).
    #[must_use]
    pub const fn with_high_water_mark(mut self, mark: u64) -> Self {
        self.high_water_mark = mark;
        self
    }

    /// The length, in bytes (or objects), at or below which the stream emits 'drain'.
    /// Node's is always 0. A mark that would not lie below
    /// `max(high_water_mark, 1)` is lowered to the largest that does.
    #[must_use]
    pub const fn with_low_water_mark(mut self, mark: u64) -> Self {
        self.low_water_mark = mark;
        self
    }

    /// The length, in bytes (or objects), past which a chunk is refused with
    /// [`Fault::TooLong`](super::Fault::TooLong) (rule 1).
    #[must_use]
    pub const fn with_limit(mut self, limit: u64) -> Self {
        self.limit = limit;
        self
    }

    /// `objectMode`: every chunk counts 1, and its length is not looked at.
    #[must_use]
    pub const fn with_object_mode(mut self, on: bool) -> Self {
        self.object_mode = on;
        self
    }

    /// `autoDestroy` (on): finish and failure destroy the stream.
    #[must_use]
    pub const fn with_auto_destroy(mut self, on: bool) -> Self {
        self.auto_destroy = on;
        self
    }

    /// Whether a write after end, destruction or failure also makes the stream
    /// fail (on, as in Node). Off, only that write fails: so one of several producers that
    /// comes too late does not hurt the others (rule 1).
    #[must_use]
    pub const fn with_refusals_fail(mut self, on: bool) -> Self {
        self.refusals_fail = on;
        self
    }

    /// `emitClose` (on): the stream emits 'close' once it is destroyed.
    #[must_use]
    pub const fn with_emit_close(mut self, on: bool) -> Self {
        self.emit_close = on;
        self
    }

    /// `_writev` is present: several queued chunks go to the sink in one call.
    #[must_use]
    pub const fn with_batches(mut self, on: bool) -> Self {
        self.batches = on;
        self
    }

    /// `_construct` is present: nothing is written before it has answered.
    #[must_use]
    pub const fn with_construct(mut self, on: bool) -> Self {
        self.construct = on;
        self
    }

    /// `_final` is present: it is called when all is written, before 'finish'.
    #[must_use]
    pub const fn with_finalize(mut self, on: bool) -> Self {
        self.finalize = on;
        self
    }

    /// The quirks that are on: where the stream does what Node does, and not what the
    /// contract says (none).
    #[cfg(feature = "node")]
    #[must_use]
    pub const fn with_quirks(mut self, quirks: Quirks) -> Self {
        self.quirks = quirks;
        self
    }

    /// Whether this quirk is on. Without the feature `node` none ever is.
    #[cfg(feature = "node")]
    pub(crate) const fn has(&self, quirk: Quirks) -> bool {
        self.quirks.contains(quirk)
    }

    /// Whether this quirk is on. Without the feature `node` none ever is.
    #[cfg(not(feature = "node"))]
    pub(crate) const fn has(&self, _: Quirks) -> bool {
        false
    }

    /// The high-water mark, in bytes (or objects).
    #[must_use]
    #[inline]
    pub const fn high_water_mark(&self) -> u64 {
        self.high_water_mark
    }

    /// The low-water mark, in bytes (or objects), as it holds after clamping.
    #[must_use]
    #[inline]
    pub const fn low_water_mark(&self) -> u64 {
        let most = self.high_water_mark.saturating_sub(1);
        if self.low_water_mark < most {
            self.low_water_mark
        } else {
            most
        }
    }

    /// The limit of the length, in bytes (or objects).
    #[must_use]
    #[inline]
    pub const fn limit(&self) -> u64 {
        self.limit
    }

    /// Whether the stream emits 'close'.
    #[must_use]
    pub const fn emit_close(&self) -> bool {
        self.emit_close
    }

    /// What a chunk of `len` bytes counts (rule 3): its length, or 1 in object mode.
    #[must_use]
    #[inline]
    pub const fn measure(&self, len: u64) -> u64 {
        if self.object_mode { 1 } else { len }
    }
}

/// Builds without the feature `node` have none of its quirks.
#[cfg(not(feature = "node"))]
const _: () = assert!(!Options::new().has(Quirks::NODE));

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::Options;

    #[test]
    fn the_low_water_mark_stays_below_the_high_one() {
        let low = |high, low| {
            let options = Options::new().with_low_water_mark(low);
            options.with_high_water_mark(high).low_water_mark()
        };
        assert_eq!(
            (low(10, 3), low(10, 99), low(1, 7), low(0, 7)),
            (3, 9, 0, 0)
        );
    }

    #[test]
    fn close_comes_as_chosen() {
        assert!(Options::new().emit_close());
        assert!(!Options::new().with_emit_close(false).emit_close());
    }
}
