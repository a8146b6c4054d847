//! A buffer that the owner of a stream fills without the lock, while others, under the lock,
//! copy what it has filled.

use alloc::boxed::Box;

use super::barrier::Barrier;
use crate::sync::{Arc, AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};

/// Bytes in words of eight. Words are atomic, so that one may be copied while the owner fills
/// the rest of it.
#[derive(Debug)]
pub(crate) struct Segment {
    /// The first byte of each word is its lowest. There is a word more than the capacity needs.
    /// Invariant: what is not filled of the word at the tail is zero.
    words: Box<[AtomicU64]>,
    tail: Tail,
    /// How many bytes the owner may fill in all; 0 once it has no lease. Written under the
    /// lock.
    end: AtomicUsize,
    /// The worker or a waiter has found the owner's cork, so the driver may have it: the end of the
    /// cork takes the lock. Written under the lock.
    found: AtomicBool,
}

/// How far the owner is. The owner alone writes it, and never more bytes than the `end` that it
/// has read before. It has a cache line of its own.
#[derive(Debug)]
#[repr(align(128))]
struct Tail(AtomicUsize);

/// How far the owner is: how many bytes it has filled, and, as the lowest bit, whether it holds
/// them with a cork that began without the lock. In one word, so that both are of one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reached(usize);

impl Reached {
    pub(super) const START: Self = Self(0);

    #[inline]
    pub(super) fn at(self) -> usize {
        self.0 >> 1
    }

    #[inline]
    pub(super) fn corks(self) -> bool {
        self.0 & 1 == 1
    }

    #[inline]
    pub(super) fn with_cork(self, corks: bool) -> Self {
        Self(self.0 & !1 | usize::from(corks))
    }

    #[inline]
    fn after(self, len: usize) -> Self {
        Self(self.0 + 2 * len)
    }
}

/// How many bytes a word has.
const WORD: usize = 8;

impl Segment {
    /// Written to at once, so that no later write waits for the system to find a page.
    pub(super) fn new(capacity: usize) -> Self {
        let words = capacity.div_ceil(WORD) + 1;
        let segment = Self {
            words: (0..words).map(|_| AtomicU64::new(u64::MAX)).collect(),
            tail: Tail(AtomicUsize::new(0)),
            end: AtomicUsize::new(0),
            found: AtomicBool::new(false),
        };
        segment.cut(Reached::START);
        segment
    }

    pub(super) fn reached(&self) -> Reached {
        Reached(self.tail.0.load(Ordering::Acquire))
    }

    /// As [`Segment::reached`]. If the owner corks, the end of that cork takes the lock: it is seen
    /// here, or the owner sees there that its cork was found.
    pub(super) fn find(&self) -> Reached {
        let reached = self.reached();
        if !reached.corks() {
            return reached;
        }
        self.found.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        self.reached()
    }

    /// The owner has taken the lock, and knows what was found.
    pub(super) fn forget(&self) {
        self.found.store(false, Ordering::Relaxed);
    }

    /// As [`Segment::reached`], for the owner, which wrote it.
    #[inline]
    fn reached_by_owner(&self) -> Reached {
        Reached(self.tail.0.load(Ordering::Relaxed))
    }

    /// The owner alone does this.
    #[inline]
    pub(super) fn reach(&self, reached: Reached) {
        self.tail.0.store(reached.0, Ordering::Release);
    }

    /// The lease goes up to here: 0 takes it away.
    pub(super) fn lend(&self, end: usize) {
        self.end.store(end, Ordering::Release);
    }

    #[inline]
    pub(super) fn end(&self) -> usize {
        self.end.load(Ordering::Relaxed)
    }

    pub(super) fn capacity(&self) -> usize {
        (self.words.len() - 1) * WORD
    }

    /// Fills these bytes in, from here on. There is room for them. The owner alone does this.
    #[inline]
    fn fill(&self, reached: Reached, bytes: &[u8]) {
        if bytes.len() >= WORD {
            return self.fill_long(reached, bytes);
        }
        self.push(reached.at(), low_bytes(bytes));
        self.reach(reached.after(bytes.len()));
    }

    /// At least a word. Out of line, so that a short write is short.
    #[inline(never)]
    fn fill_long(&self, reached: Reached, bytes: &[u8]) {
        let at = reached.at();
        let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) else {
            return;
        };
        let [place, places @ ..] = self.words.get(at / WORD..).unwrap_or_default() else {
            return;
        };
        let [low, _] = shifted(u64::from_le_bytes(*first), at);
        place.store(place.load(Ordering::Relaxed) | low, Ordering::Relaxed);
        // From here on, the bytes of a word stand together.
        let rest = bytes.get(WORD - at % WORD..).unwrap_or_default();
        let words = rest.chunks_exact(WORD);
        let (count, rest) = (words.len(), words.remainder().len());
        for (word, place) in words.zip(places) {
            let word = word.first_chunk().copied().unwrap_or_default();
            place.store(u64::from_le_bytes(word), Ordering::Relaxed);
        }
        if let Some(place) = places.get(count) {
            let [_, high] = shifted(u64::from_le_bytes(*last), rest);
            place.store(high, Ordering::Relaxed);
        }
        self.reach(reached.after(bytes.len()));
    }

    /// Fills fewer than eight bytes in, the first as the lowest of this word, the rest of which
    /// is zero.
    #[inline(always)]
    fn push(&self, at: usize, bytes: u64) {
        let index = at / WORD;
        if let Some([word, next]) = self.words.get(index..index + 2) {
            let [low, high] = shifted(bytes, at);
            word.store(word.load(Ordering::Relaxed) | low, Ordering::Relaxed);
            next.store(high, Ordering::Relaxed);
        }
    }

    /// What is filled ends here. The owner alone does this.
    fn cut(&self, reached: Reached) {
        let at = reached.at();
        if let Some(word) = self.words.get(at / WORD) {
            let kept = (1 << (at % WORD * 8)) - 1;
            word.store(word.load(Ordering::Relaxed) & kept, Ordering::Relaxed);
        }
        self.reach(reached);
    }

    /// Copies what is filled from here on to `out`, and no more than is filled.
    pub(super) fn copy(&self, from: usize, out: &mut [u8]) {
        let word = |index: usize| {
            let word = self.words.get(index);
            word.map_or(0, |word| word.load(Ordering::Relaxed))
                .to_le_bytes()
        };
        let to = from + out.len();
        let (first, last) = (from.next_multiple_of(WORD), to - to % WORD);
        if first > last {
            // All of it is within one word.
            let part = word(from / WORD);
            return put(out, part.get(from % WORD..));
        }
        let (head, rest) = out.split_at_mut(first - from);
        let (middle, tail) = rest.split_at_mut(last - first);
        put(head, word(from / WORD).get(from % WORD..));
        let whole = self.words.get(first / WORD..).unwrap_or_default();
        for (place, word) in middle.chunks_exact_mut(WORD).zip(whole) {
            place.copy_from_slice(&word.load(Ordering::Relaxed).to_le_bytes());
        }
        put(tail, Some(&word(last / WORD)));
    }
}

/// Fills `place` with the first of these bytes.
fn put(place: &mut [u8], bytes: Option<&[u8]>) {
    for (place, byte) in place.iter_mut().zip(bytes.unwrap_or_default()) {
        *place = *byte;
    }
}

/// What the owner of a stream has of its lease.
#[derive(Debug)]
pub(crate) struct Filler {
    segment: Arc<Segment>,
    barrier: Barrier,
}

/// What a write on the lease, a cork or the end of a cork has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filled {
    /// It is accepted.
    Accepted,
    /// The lease does not cover it: nothing was done.
    Nothing,
    /// It is in the segment, but meanwhile the lease was taken away, or the cork found that it
    /// ends. The caller asks under the lock whether it is accepted.
    InDoubt,
}

impl Filler {
    pub(super) fn new(capacity: usize, barrier: Barrier) -> Self {
        Self {
            segment: Arc::new(Segment::new(capacity)),
            barrier,
        }
    }

    pub(super) fn segment(&self) -> &Arc<Segment> {
        &self.segment
    }

    pub(super) fn reached(&self) -> Reached {
        self.segment.reached_by_owner()
    }

    /// Writes on the lease, without the lock.
    #[inline]
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Filled {
        let segment = &*self.segment;
        let reached = segment.reached_by_owner();
        let end = segment.end.load(Ordering::Acquire);
        if bytes.is_empty() || reached.at() + bytes.len() > end {
            return Filled::Nothing;
        }
        segment.fill(reached, bytes);
        self.filled()
    }

    /// Corks on the lease, without the lock, unless the last cork is there.
    #[inline]
    pub(crate) fn cork(&mut self) -> Filled {
        let reached = self.reached();
        if reached.corks() || self.segment.end() == 0 {
            return Filled::Nothing;
        }
        self.segment.reach(reached.with_cork(true));
        self.filled()
    }

    /// Takes the cork back that began without the lock.
    #[inline]
    pub(crate) fn uncork(&mut self) -> Filled {
        let reached = self.reached();
        if !reached.corks() {
            return Filled::Nothing;
        }
        self.segment.reach(reached.with_cork(false));
        // A fence of its own, so that the one who finds the cork needs no more than a fence either:
        // a sink that has done its work finds one often.
        fence(Ordering::SeqCst);
        match self.segment.found.load(Ordering::Relaxed) {
            true => Filled::InDoubt,
            false => self.filled(),
        }
    }

    /// What became of what the owner has just done on its lease.
    #[inline]
    fn filled(&self) -> Filled {
        self.barrier.light();
        match self.segment.end() {
            0 => Filled::InDoubt,
            _ => Filled::Accepted,
        }
    }

    /// Fills these bytes in. There is room for them.
    pub(super) fn fill(&mut self, bytes: &[u8]) {
        self.segment.fill(self.reached(), bytes);
    }

    /// What the owner has done from here on is not accepted.
    pub(super) fn undo(&mut self, reached: Reached) {
        self.segment.cut(reached);
    }

    /// Goes on in this segment, of which nothing is in use; returns the old one.
    pub(super) fn change_to(&mut self, segment: Arc<Segment>) -> Arc<Segment> {
        let old = core::mem::replace(&mut self.segment, segment);
        self.undo(Reached::START);
        old
    }
}

/// The parts of a word that is filled in at this byte: that in the word of `at`, and that in
/// the next one.
#[inline(always)]
fn shifted(word: u64, at: usize) -> [u64; 2] {
    // These shifts take the number of bits modulo 64.
    let bits = (at as u32).wrapping_mul(8);
    [word.wrapping_shl(bits), (word >> 1).wrapping_shr(!bits)]
}

/// Fewer than eight bytes, the first as the lowest.
#[inline]
fn low_bytes(bytes: &[u8]) -> u64 {
    let len = bytes.len();
    if let (Some(low), Some(high)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let high = u64::from(u32::from_le_bytes(*high));
        return u64::from(u32::from_le_bytes(*low)) | high << ((len - 4) * 8);
    }
    if let (Some(low), Some(high)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let high = u64::from(u16::from_le_bytes(*high));
        return u64::from(u16::from_le_bytes(*low)) | high << ((len - 2) * 8);
    }
    bytes.first().copied().map_or(0, u64::from)
}

#[cfg(test)]
#[cfg(not(highwater_loom))]
mod tests {
    use alloc::vec::Vec;

    use super::{Barrier, Filled, Filler, Reached};

    /// Of each length, at each place within a word, copied in each way.
    #[test]
    fn what_is_filled_in_is_copied_out() {
        for len in 0..40 {
            for before in 0..9 {
                let bytes: Vec<u8> = (1..=len).collect();
                let mut filler = Filler::new(64, Barrier::Fences);
                filler.segment().lend(64);
                let mut whole = Vec::new();
                for part in [&[0xff; 8][..before], &bytes, &[0xee; 3]] {
                    if !part.is_empty() {
                        assert_eq!(filler.write(part), Filled::Accepted);
                    }
                    whole.extend(part);
                }
                assert_eq!(filler.reached().at(), whole.len());
                for from in 0..=whole.len() {
                    for to in from..=whole.len() {
                        let mut out = alloc::vec![b'x'; to - from];
                        filler.segment().copy(from, &mut out);
                        assert_eq!(out, whole[from..to], "{from}..{to}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_undone_can_be_filled_in_again() {
        for at in 0..20 {
            let mut filler = Filler::new(32, Barrier::Fences);
            filler.segment().lend(32);
            assert_eq!(filler.write(&[1; 20]), Filled::Accepted);
            filler.undo(Reached::START.after(at));
            assert_eq!(filler.write(&[2; 7]), Filled::Accepted);
            let mut out = alloc::vec![b'x'; filler.reached().at()];
            filler.segment().copy(0, &mut out);
            assert_eq!(out, [&[1; 20][..at], &[2; 7]].concat());
        }
    }

    #[test]
    fn a_write_that_the_lease_does_not_cover_does_nothing() {
        let mut filler = Filler::new(16, Barrier::Fences);
        assert_eq!(filler.write(b"x"), Filled::Nothing);
        filler.segment().lend(4);
        assert_eq!(filler.write(b"12345"), Filled::Nothing);
        assert_eq!(filler.write(b"1234"), Filled::Accepted);
        assert_eq!(filler.write(b""), Filled::Nothing);
        assert_eq!(filler.reached().at(), 4);
    }

    #[test]
    fn the_end_of_a_cork_that_was_found_is_in_doubt() {
        let mut filler = Filler::new(64, Barrier::of_process());
        filler.segment.lend(64);
        for _ in 0..2 {
            assert_eq!(filler.segment.find(), Reached::START);
            assert_eq!(filler.cork(), Filled::Accepted);
            assert_eq!(filler.uncork(), Filled::Accepted);
        }
        assert_eq!(filler.cork(), Filled::Accepted);
        assert!(filler.segment.find().corks());
        assert_eq!(filler.uncork(), Filled::InDoubt);
        filler.segment.forget();
        assert_eq!(filler.cork(), Filled::Accepted);
        assert_eq!(filler.uncork(), Filled::Accepted);
    }
}
