//! A disk that loses, when it dies, whatever part of what was not synced: any of the sectors
//! that were written since, in any order. A sync that fails loses some of what it was for, and
//! a later sync does not bring that back. (So do disks and systems that people have.)

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use futures::io::AsyncWrite;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// The bytes that reach the disk together, or not at all.
const SECTOR: usize = 8;

/// A file on the disk. A clone is the same file.
#[derive(Clone, Debug)]
pub struct Disk(Arc<Mutex<Inside>>);

#[derive(Debug)]
struct Inside {
    rng: SmallRng,
    /// What the program has written, as the system shows it.
    written: Vec<u8>,
    /// What is on the disk.
    kept: Vec<u8>,
    /// The sectors that were written since the last sync began.
    dirty: BTreeSet<usize>,
    /// What a sync that runs is for.
    syncing: Option<BTreeMap<usize, Vec<u8>>>,
    /// After so many writes and parts of a sync it dies.
    left: u32,
    /// One in so many syncs fails, and one in so many writes.
    syncs_fail: u32,
    writes_fail: u32,
    failed: bool,
    /// A sync may still come: after a write that failed, for what was written before.
    may_sync: bool,
    /// How many calls came after a failure, and how many syncs have begun.
    calls_after: u32,
    syncs: u32,
}

/// The odds of a failure: one in so many calls; 0 is never.
#[derive(Clone, Copy, Debug)]
pub struct Odds {
    pub syncs_fail: u32,
    pub writes_fail: u32,
}

impl Disk {
    /// A disk that dies after so many things that happen to it, at random from this seed.
    pub fn new(seed: u64, lives: u32, odds: Odds) -> Self {
        Self(Arc::new(Mutex::new(Inside {
            rng: SmallRng::seed_from_u64(seed),
            written: Vec::new(),
            kept: Vec::new(),
            dirty: BTreeSet::new(),
            syncing: None,
            left: lives,
            syncs_fail: odds.syncs_fail,
            writes_fail: odds.writes_fail,
            failed: false,
            may_sync: true,
            calls_after: 0,
            syncs: 0,
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().expect("no panic with the lock")
    }

    /// Whether it has died: it does nothing more.
    pub fn is_dead(&self) -> bool {
        self.lock().left == 0
    }

    /// What the program has written.
    pub fn written(&self) -> Vec<u8> {
        self.lock().written.clone()
    }

    /// How many calls it got after one had failed, apart from one sync after a write that
    /// failed.
    pub fn calls_after_a_failure(&self) -> u32 {
        self.lock().calls_after
    }

    /// How many syncs have begun.
    pub fn syncs(&self) -> u32 {
        self.lock().syncs
    }

    /// What is found when the system starts again.
    pub fn after_a_crash(&self) -> Vec<u8> {
        let mut inside = self.lock();
        let syncing = inside.syncing.take().unwrap_or_default();
        inside.keep_some(syncing);
        let dirty = inside.take_dirty();
        inside.keep_some(dirty);
        inside.kept.clone()
    }
}

impl Inside {
    /// Something happens. `false` if it is dead.
    fn lives(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left > 0
    }

    fn one_in(&mut self, odds: u32) -> bool {
        odds > 0 && self.rng.random_ratio(1, odds)
    }

    fn sector(&self, number: usize) -> Range<usize> {
        number * SECTOR..((number + 1) * SECTOR).min(self.written.len())
    }

    fn take_dirty(&mut self) -> BTreeMap<usize, Vec<u8>> {
        let dirty = std::mem::take(&mut self.dirty).into_iter();
        dirty
            .map(|number| (number, self.written[self.sector(number)].to_vec()))
            .collect()
    }

    fn keep(&mut self, number: usize, bytes: &[u8]) {
        let end = number * SECTOR + bytes.len();
        let len = self.kept.len().max(end);
        self.kept.resize(len, 0);
        self.kept[number * SECTOR..end].copy_from_slice(bytes);
    }

    fn keep_some(&mut self, sectors: BTreeMap<usize, Vec<u8>>) {
        for (number, bytes) in sectors {
            if self.rng.random() {
                self.keep(number, &bytes);
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.calls_after += u32::from(self.failed);
        if self.one_in(self.writes_fail) {
            self.failed = true;
            return Err(io::ErrorKind::StorageFull.into());
        }
        let count = self.rng.random_range(1..=bytes.len());
        let from = self.written.len();
        self.written.extend_from_slice(&bytes[..count]);
        let sectors = from / SECTOR..=(self.written.len() - 1) / SECTOR;
        self.dirty.extend(sectors);
        Ok(count)
    }

    /// The end of a sync.
    fn synced(&mut self, sectors: BTreeMap<usize, Vec<u8>>) -> io::Result<()> {
        if self.one_in(self.syncs_fail) {
            (self.failed, self.may_sync) = (true, false);
            self.keep_some(sectors);
            return Err(io::Error::other("the disk could not write"));
        }
        for (number, bytes) in sectors {
            self.keep(number, &bytes);
        }
        Ok(())
    }
}

impl AsyncWrite for Disk {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut inside = self.lock();
        match inside.lives() {
            true => Poll::Ready(inside.write(bytes)),
            false => Poll::Pending,
        }
    }

    /// A sync. It takes two polls: what is written between them is not in it.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inside = self.lock();
        if !inside.lives() {
            return Poll::Pending;
        }
        if let Some(sectors) = inside.syncing.take() {
            return Poll::Ready(inside.synced(sectors));
        }
        inside.calls_after += u32::from(!inside.may_sync);
        inside.may_sync = !inside.failed;
        inside.syncs += 1;
        inside.syncing = Some(inside.take_dirty());
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A file on the disk, as tokio has one: it takes bytes at once, and writes them behind its
/// caller's back. That it could not is what its next call says, a write or a flush.
#[cfg(feature = "tokio")]
#[derive(Debug)]
pub struct Late {
    disk: Disk,
    /// What it has taken, and not written.
    taken: Vec<u8>,
    /// Why the last write has failed, until a call says so.
    error: Option<io::Error>,
}

#[cfg(feature = "tokio")]
impl Late {
    pub fn new(disk: Disk) -> Self {
        Self {
            disk,
            taken: Vec::new(),
            error: None,
        }
    }

    /// Some of what it has taken is written; what is behind a failure is lost.
    fn write_some(&mut self, inside: &mut Inside) {
        match inside.write(&self.taken) {
            Ok(count) => drop(self.taken.drain(..count)),
            Err(error) => {
                self.taken.clear();
                self.error = Some(error);
            }
        }
    }

    /// At any moment: writes some of it, or none.
    fn write_behind(&mut self) {
        let disk = self.disk.clone();
        let mut inside = disk.lock();
        while !self.taken.is_empty() && inside.rng.random() && inside.lives() {
            self.write_some(&mut inside);
        }
    }

    /// The end of a write, for the call after it.
    fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write_behind();
        match self.error.take() {
            Some(error) => Poll::Ready(Err(error)),
            None if self.taken.is_empty() && !self.disk.is_dead() => Poll::Ready(Ok(())),
            None => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

#[cfg(feature = "tokio")]
impl tokio::io::AsyncWrite for Late {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        std::task::ready!(self.poll_written(cx))?;
        let count = self.disk.lock().rng.random_range(1..=bytes.len());
        self.taken.extend_from_slice(&bytes[..count]);
        self.write_behind();
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_written(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}
