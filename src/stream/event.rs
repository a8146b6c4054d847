//! The events that an observer gets, and the figures that any caller can read at any time.

use alloc::boxed::Box;
use core::time::Duration;

use crate::cause::Cause;
use crate::machine::Phase;

/// An event of the stream. The order is open, drain as often as it comes, finish, close. An error
/// comes at most once, at any time, and close follows it.
///
/// ```
/// use highwater::{Event, Writable};
/// use std::sync::mpsc;
///
/// let (tell, told) = mpsc::channel();
/// let mut out = Writable::builder()
///     .observer(move |event| drop(tell.send(format!("{event:?}"))))
///     .spawn_with(|| Ok(Vec::new()))?;
/// let _flow = out.write("x")?;
/// out.end().wait()?;
/// assert_eq!(told.iter().collect::<Vec<_>>(), ["Open", "Finish", "Close"]);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The sink was opened. There is no such event for a sink that was at hand already.
    Open,
    /// There is room again, after a write returned [`Flow::Wait`](crate::Flow::Wait).
    Drain,
    /// All was written, and the sink flushed.
    Finish,
    /// The stream failed.
    Error(Cause),
    /// The stream is done with the sink. The last event.
    Close,
}

/// What a user gives to see the events.
pub(crate) type Observer = Box<dyn FnMut(Event) + Send>;

/// What a user gives to see the error of the stream.
pub(crate) type OnError = Box<dyn FnOnce(&Cause) + Send>;

/// Gauges and counters of a stream at one moment.
///
/// ```
/// use highwater::Writable;
/// use highwater::machine::Phase;
///
/// let out = Writable::builder().high_water_mark(1024).spawn(Vec::new())?;
/// let now = out.snapshot();
/// assert_eq!((now.phase, now.high_water_mark, now.accepted), (Phase::Writable, 1024, 0));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// Where the stream is in its life. It is [`Phase::Closed`] once nothing more will happen, or
    /// [`Phase::Errored`] if the stream has failed.
    pub phase: Phase,
    /// Bytes that are in the stream: accepted, and neither taken by the sink nor dropped.
    pub length: u64,
    /// How many of these the sink has in hand.
    pub in_flight: u64,
    /// At this length or above, in bytes, a write returns [`Flow::Wait`](crate::Flow::Wait).
    pub high_water_mark: u64,
    /// At this length or below, in bytes, the stream emits 'drain'.
    pub low_water_mark: u64,
    /// A write has returned [`Flow::Wait`](crate::Flow::Wait), and 'drain' is to come,
    /// unless the stream ends or fails first.
    pub needs_drain: bool,
    /// How many corks hold the stream.
    pub corked: u32,
    /// How many chunks (and flushes) wait for the sink.
    pub queued: u32,
    /// Bytes accepted since the stream was created: its position.
    pub accepted: u64,
    /// Bytes that the sink has taken.
    pub delivered: u64,
    /// The position up to which the sink has flushed, in bytes, as callers have asked for it,
    /// and at the end. (A sink may flush by itself.)
    pub flushed: u64,
    /// How many writes returned [`Flow::Wait`](crate::Flow::Wait).
    pub waits: u64,
    /// How many times the stream emitted 'drain'.
    pub drains: u64,
    /// The highest length there has been, in bytes.
    pub peak: u64,
    /// How long threads have waited for the stream, all together: in each `wait`, and in
    /// writes that block. The waits of tasks are not measured, so they need no clock.
    pub waited: Duration,
}
