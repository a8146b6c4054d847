//! The only arithmetic of lengths and marks.

/// How much is in the stream, in bytes (or in objects, in object mode).
///
/// Nothing else in the machine adds or subtracts lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Level {
    /// All that was accepted and is not yet answered or rejected.
    ///
    /// Invariant LengthAccounts: `total` = `in_flight` + what is queued.
    total: u64,
    /// What the sink is working on.
    ///
    /// Invariant: `in_flight <= total`, and 0 when nothing is being written.
    in_flight: u64,
}

impl Level {
    /// Nothing is here.
    pub(super) const EMPTY: Self = Self {
        total: 0,
        in_flight: 0,
    };

    /// What `writableLength` shows.
    #[inline]
    pub(super) const fn total(self) -> u64 {
        self.total
    }

    /// The part of it that the sink is working on.
    pub(super) const fn in_flight(self) -> u64 {
        self.in_flight
    }

    /// Whether `len` more would still be within `limit`.
    #[inline]
    pub(super) fn fits(self, len: u64, limit: u64) -> bool {
        match self.total.checked_add(len) {
            Some(sum) => sum <= limit,
            None => false,
        }
    }

    /// Rule 4: below the mark, or empty: an empty stream has room even at mark 0, as it has
    /// at mark 1. So one comparison is enough.
    #[inline]
    pub(super) const fn has_room(self, high_water_mark: u64) -> bool {
        let one_at_least = if high_water_mark > 0 {
            high_water_mark
        } else {
            1
        };
        self.total < one_at_least
    }

    /// Accepts `len`, which [`Level::fits`] has allowed: so the sum does not wrap.
    #[inline]
    pub(super) fn add(&mut self, len: u64) {
        self.total = self.total.wrapping_add(len);
    }

    /// The sink begins to work on `len` of what is here.
    #[inline]
    pub(super) fn start(&mut self, len: u64) {
        self.in_flight = len.min(self.total);
    }

    /// The sink has done `len` of what it works on, or all of it if that is less.
    #[inline]
    pub(super) fn progress(&mut self, len: u64) {
        let done = len.min(self.in_flight);
        self.in_flight -= done;
        self.total = self.total.saturating_sub(done);
    }

    /// The sink has answered, or the write was taken back from it.
    #[inline]
    pub(super) fn settle(&mut self) {
        self.total = self.total.saturating_sub(self.in_flight);
        self.in_flight = 0;
    }

    /// The sink has answered `answered`, with what was in flight, and works on `len`.
    #[inline]
    pub(super) fn flush(&mut self, answered: u64, len: u64) {
        self.total = self.total.saturating_sub(answered);
        self.start(len);
    }

    /// A queued chunk of `len` is rejected.
    pub(super) fn remove(&mut self, len: u64) {
        self.total = self.total.saturating_sub(len).max(self.in_flight);
    }
}

#[cfg(test)]
mod tests {
    use super::Level;

    #[test]
    fn a_sum_past_the_largest_number_does_not_fit() {
        let mut level = Level::EMPTY;
        level.add(u64::MAX);
        assert!(level.fits(0, u64::MAX));
        assert!(!level.fits(1, u64::MAX));
    }

    #[test]
    fn an_empty_level_has_room_at_mark_zero() {
        let mut level = Level::EMPTY;
        assert!(level.has_room(0));
        level.add(1);
        assert!(!level.has_room(0));
        assert!(!level.has_room(1));
        assert!(level.has_room(2));
    }

    #[test]
    fn progress_never_passes_what_is_in_flight() {
        let mut level = Level::EMPTY;
        level.add(7);
        level.start(5);
        level.progress(2);
        assert_eq!((level.total(), level.in_flight()), (5, 3));
        level.progress(u64::MAX);
        assert_eq!((level.total(), level.in_flight()), (2, 0));
        level.settle();
        assert_eq!((level.total(), level.in_flight()), (2, 0));
    }

    #[test]
    fn a_lying_measure_never_wraps() {
        let mut level = Level::EMPTY;
        level.add(3);
        level.start(9);
        assert_eq!(level.in_flight(), 3);
        level.remove(9);
        assert_eq!(level.total(), 3);
        level.settle();
        assert_eq!(level.total(), 0);
    }
}
