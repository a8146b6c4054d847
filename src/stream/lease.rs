//! The lease of a stream: most small writes are no more than a copy into a buffer.

use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;
use core::mem;

use super::write_job::Item;
use crate::chunk::Chunk;
use crate::machine::{Flow, Lease};

/// A buffer has the capacity of the high-water mark, up to this many bytes.
const MAX_BUFFER: u64 = 64 * 1024;

/// The most buffers that are kept for later: a mebibyte, if the mark is as high.
const MAX_SPARE: usize = 16;

/// Small writes that the stream has accepted on the machine's [lease](Lease). They go
/// into the driver as one chunk before anything else does. No caller can tell the
/// difference: that is a law of the machine.
pub(super) struct LeaseBuffer {
    /// What was written. It never grows: it has the capacity of a buffer, or none.
    pub(super) bytes: Vec<u8>,
    /// How many bytes more the lease covers.
    /// Invariant: `bytes.len() + room` is within the lease and the capacity of `bytes`.
    room: usize,
    /// What the stream returns to each of these writes.
    pub(super) answer: Flow,
    /// Buffers that the sink is done with, old bytes and all: memory that the processor knows,
    /// and no call of the allocator.
    /// Invariant: there are at most [`MAX_SPARE`] of them.
    spare: VecDeque<Vec<u8>>,
    /// The capacity of a buffer, in bytes.
    capacity: usize,
}

impl LeaseBuffer {
    /// For a stream of this high-water mark, in bytes. Allocates nothing.
    pub(super) fn new(high_water_mark: u64) -> Self {
        let capacity = high_water_mark.min(MAX_BUFFER);
        Self {
            bytes: Vec::new(),
            room: 0,
            answer: Flow::More,
            spare: VecDeque::new(),
            capacity: usize::try_from(capacity).unwrap_or(usize::MAX),
        }
    }

    /// Copies a small write. `None` if the lease is too small.
    #[inline]
    pub(super) fn write(&mut self, bytes: &[u8]) -> Option<Flow> {
        if bytes.is_empty() || bytes.len() > self.room {
            return None;
        }
        self.room -= bytes.len();
        self.bytes.extend_from_slice(bytes);
        Some(self.answer)
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// A buffer of `len` bytes, at most the capacity, for the caller to overwrite and
    /// [lend](Chunk::lent). No chunk keeps more than twice the memory that it needs.
    pub(super) fn buffer(&mut self, len: usize) -> Vec<u8> {
        if len < self.capacity / 2 {
            return vec![0; len];
        }
        let spare = self.spare.pop_front();
        let mut buffer = spare.unwrap_or_else(|| Vec::with_capacity(self.capacity));
        // A buffer that was as long before need not be zeroed.
        buffer.resize(len, 0);
        buffer
    }

    /// No lease, as the owner has one of its own. Its buffer, which is empty, is one of the spare.
    pub(super) fn pause(&mut self) {
        self.room = 0;
        if self.bytes.capacity() > 0 && self.spare.len() < MAX_SPARE {
            self.spare.push_back(mem::take(&mut self.bytes));
        }
    }

    /// Takes what was written, for the driver.
    pub(super) fn take(&mut self) -> Option<Chunk> {
        if self.bytes.is_empty() {
            return None;
        }
        // No chunk keeps more than twice the memory that it needs.
        if self.bytes.len() < self.capacity / 2 {
            let bytes = self.bytes.to_vec();
            self.bytes.clear();
            return Some(bytes.into());
        }
        Some(Chunk::lent(mem::take(&mut self.bytes)))
    }

    /// Begins a new lease. What was written on the last one has been taken.
    pub(super) fn renew(&mut self, lease: Lease) {
        if self.bytes.capacity() == 0 {
            if let Some(spare) = self.spare.pop_front() {
                self.bytes = spare;
                self.bytes.clear();
            }
        }
        self.answer = lease.answer;
        let max = usize::try_from(lease.len).unwrap_or(usize::MAX);
        let max = max.min(self.bytes.capacity());
        self.room = max.saturating_sub(self.bytes.len());
    }

    /// Begins a new lease for a write of this length, with a new buffer if there is
    /// none. `false` if the lease is too small.
    pub(super) fn prepare(&mut self, lease: Lease, len: usize) -> bool {
        if len as u64 > lease.len.min(self.capacity as u64) {
            return false;
        }
        self.renew(lease);
        if self.bytes.capacity() == 0 {
            // Written to at once (zeroes might not be), so that no later write waits
            // for the system to find a page of memory.
            self.bytes = vec![u8::MAX; self.capacity];
            self.bytes.clear();
            self.renew(lease);
        }
        true
    }

    /// The worker is idle: frees all spare buffers except this many.
    pub(super) fn shrink(&mut self, keep: usize) {
        self.spare.truncate(keep);
    }

    /// Takes back the buffers that the sink is done with. Chunks of another capacity stay
    /// there, for the caller to drop outside the lock.
    pub(super) fn recycle(&mut self, done: &mut VecDeque<Item>) {
        if done.is_empty() {
            return;
        }
        let most = MAX_SPARE - self.spare.len();
        for item in done.iter_mut().take(most) {
            if let Item::Data(chunk) = item {
                let whole = mem::replace(chunk, "".into());
                match whole.into_buffer(self.capacity) {
                    Ok(buffer) => self.spare.push_back(buffer),
                    Err(other) => *chunk = other,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::{Chunk, Item, LeaseBuffer, MAX_SPARE};
    use crate::machine::{Flow, Lease};
    use crate::stream::{Calls, WriteJob};
    use crate::sync::Arc;

    #[test]
    fn a_write_may_be_as_long_as_the_lease() {
        let mut lease = LeaseBuffer::new(64);
        assert!(!lease.prepare(eight_bytes(), 9));
        assert!(lease.prepare(eight_bytes(), 8));
        assert_eq!(lease.write(&[7; 8]), Some(Flow::More));
        assert_eq!(lease.write(&[7]), None);
    }

    fn eight_bytes() -> Lease {
        Lease {
            count: 1,
            len: 8,
            answer: Flow::More,
        }
    }

    #[test]
    fn no_chunk_keeps_more_than_twice_the_memory_that_it_needs() {
        for (len, buffer, left) in [(31, 31, 64), (32, 64, 0), (64, 64, 0)] {
            let mut lease = LeaseBuffer::new(64);
            assert_eq!(lease.buffer(len).capacity(), buffer, "{len} of 64");
            lease.bytes = lease.buffer(64);
            lease.bytes.truncate(len);
            assert_eq!(lease.take().map(|chunk| chunk.len()), Some(len));
            assert_eq!(lease.bytes.capacity(), left, "{len} of 64");
        }
    }

    #[test]
    fn a_burst_leaves_a_few_buffers_and_an_idle_worker_one() {
        let mut lease = LeaseBuffer::new(8);
        for _ in 0..2 {
            let buffers = (0..100).map(|_| Item::Data(Chunk::lent(vec![0; 8])));
            lease.recycle(&mut buffers.collect());
            assert_eq!(lease.spare.len(), MAX_SPARE);
        }
        lease.shrink(1);
        assert_eq!(lease.spare.len(), 1);
    }

    #[test]
    fn the_buffer_of_a_lease_that_pauses_is_a_spare_one() {
        let mut lease = LeaseBuffer::new(64);
        assert!(lease.prepare(eight_bytes(), 8));
        let before = lease.bytes.as_ptr();
        lease.pause();
        assert_eq!(lease.write(&[7]), None);
        lease.pause();
        assert_eq!(lease.spare.len(), 1);
        let spare = lease.buffer(64);
        assert_eq!(spare.as_ptr(), before);
    }

    #[test]
    fn a_lease_that_pauses_beside_enough_spare_buffers_keeps_its_own() {
        let mut lease = LeaseBuffer::new(8);
        assert!(lease.prepare(eight_bytes(), 8));
        let buffers = (0..MAX_SPARE).map(|_| Item::Data(Chunk::lent(vec![0; 8])));
        lease.recycle(&mut buffers.collect());
        lease.pause();
        assert_eq!(lease.spare.len(), MAX_SPARE);
    }

    #[test]
    fn a_buffer_that_the_sink_has_taken_comes_back() {
        let mut lease = LeaseBuffer::new(64);
        let buffer = Item::Data(Chunk::lent(vec![7; lease.capacity]));
        let mut job = WriteJob::new([buffer].into(), &Arc::default(), Calls::default());
        assert!(job.next().is_some_and(|call| call.given() == 64));
        assert!(job.book(64, Ok(Some(64))).is_ok());
        lease.recycle(&mut job.done);
        assert_eq!(lease.spare.len(), 1);
    }

    #[cfg(feature = "futures")]
    #[test]
    fn a_buffer_that_a_reader_has_comes_back_once_the_reader_drops_it() {
        let mut lease = LeaseBuffer::new(64);
        let mut chunk = Chunk::lent(vec![7; lease.capacity]);
        let read = chunk.share();
        let mut done = [Item::Data(chunk)].into();
        lease.recycle(&mut done);
        assert!(lease.spare.is_empty());
        assert_eq!(read, [7; 64][..]);
        drop(read);
        lease.recycle(&mut done);
        assert_eq!(lease.spare.len(), 1);
    }
}
