//! What came of a schedule, as plain data, and what has to hold of it. It is plain so that
//! a test can spoil it: each check has to find what it is for.

use super::reader::Seen;
use super::sink::Why;

/// What has to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Property {
    /// Delivered, then unsent, is what was accepted, whole and in order.
    Bytes,
    /// The counters say the same as the bytes.
    Counts,
    /// Nothing is in doubt if the owner waited.
    NoDoubt,
    /// Every error has the cause that was injected, or the reason of the owner.
    Cause,
    /// A refused chunk comes back as it was.
    Refused,
    /// What was acknowledged had been done by then.
    Acknowledged,
    /// A stream that finished, or had to, has delivered and flushed everything.
    Finished,
    /// The sink is left alone once it has failed.
    LeftAlone,
    /// One close, and it is the last; finish or error, not both. A wait for the close ends
    /// accordingly.
    Events,
    /// The sink comes back if the owner waited.
    SinkBack,
    /// Over a body: an abort never looks like an end to the reader.
    NoFalseEnd,
}

/// Something acknowledged at a position, and how far the sink was by then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ack {
    pub(crate) position: u64,
    pub(crate) reached: u64,
}

/// What one producer saw.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes {
    /// The chunks that were accepted.
    pub(crate) accepted: Vec<Vec<u8>>,
    /// The cause in each error that had one.
    pub(crate) causes: Vec<Why>,
    /// What was refused: as given, as handed back.
    pub(crate) refused: Vec<(Vec<u8>, Vec<u8>)>,
    /// By `delivered`, against what the sink had taken; by `flush`, against what it had
    /// flushed.
    pub(crate) acks: Vec<Ack>,
    /// Whether the stream had finished when it was closed, if the producer waited for that.
    pub(crate) closed_well: Option<bool>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// The owner, then the other producers. The top two bits of a byte are the
    /// place of its producer here.
    pub(crate) producers: Vec<Notes>,
    /// What the sink took.
    pub(crate) delivered: Vec<u8>,
    pub(crate) flushed_to: usize,
    /// The worker is polled, and so closes the sink at the end.
    pub(crate) is_polled: bool,
    pub(crate) sink_closed: bool,
    /// What was handed back; `None` if the stream was dropped.
    pub(crate) unsent: Option<Vec<u8>>,
    pub(crate) in_doubt: u64,
    /// Accepted and written, as counted.
    pub(crate) totals: Option<(u64, u64)>,
    /// The owner waited for the worker until that had left.
    pub(crate) waited: bool,
    pub(crate) sink_came_back: bool,
    /// There was no opener that could fail or be skipped.
    pub(crate) sink_at_hand: bool,
    /// `end` has returned that.
    pub(crate) finished: bool,
    /// Dropped by a policy that finishes.
    pub(crate) has_to_finish: bool,
    /// Dropped by one that gives up.
    pub(crate) may_give_up: bool,
    pub(crate) injected: Option<Why>,
    pub(crate) calls_after: u32,
    pub(crate) reason: Option<Why>,
    pub(crate) events: Vec<&'static str>,
    /// The owner ended the stream, whatever came of it.
    pub(crate) ends: bool,
    /// How the reader of a body has come to its end. It has no sink that is closed, and is
    /// called by no worker; what it takes is flushed.
    pub(crate) seen: Option<Seen>,
    /// The length that the body says, in bytes.
    pub(crate) length: Option<u64>,
}

impl Outcome {
    /// How many bytes were accepted.
    pub(crate) fn accepted(&self) -> u64 {
        let chunks = self.producers.iter().flat_map(|notes| &notes.accepted);
        chunks.map(|chunk| chunk.len() as u64).sum()
    }
}

type Check = fn(&Outcome) -> Result<(), String>;

const CHECKS: [(Property, Check); 11] = [
    (Property::Bytes, bytes),
    (Property::Counts, counts),
    (Property::NoDoubt, no_doubt),
    (Property::Cause, cause),
    (Property::Refused, refused),
    (Property::Acknowledged, acknowledged),
    (Property::Finished, finished),
    (Property::LeftAlone, left_alone),
    (Property::Events, events),
    (Property::SinkBack, sink_back),
    (Property::NoFalseEnd, no_false_end),
];

/// What does not hold, and why.
pub(crate) fn broken(outcome: &Outcome) -> Vec<(Property, String)> {
    let checks = CHECKS.iter();
    checks
        .filter_map(|(property, check)| check(outcome).err().map(|why| (*property, why)))
        .collect()
}

fn ensure(holds: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(why()) }
}

fn bytes(outcome: &Outcome) -> Result<(), String> {
    let Some(unsent) = &outcome.unsent else {
        return walk(outcome, &outcome.delivered, false);
    };
    if outcome.in_doubt == 0 {
        return walk(outcome, &[&outcome.delivered[..], unsent].concat(), true);
    }
    // Some, all or nothing of what is in doubt was delivered; what is unsent
    // comes after that.
    walk(outcome, &outcome.delivered, false)?;
    for (tag, notes) in outcome.producers.iter().enumerate() {
        let own: Vec<u8> = of(tag, unsent);
        let all = notes.accepted.concat();
        ensure(all.ends_with(&own), || {
            format!("unsent of producer {tag} is no end of what it wrote")
        })?;
    }
    let known = (outcome.delivered.len() + unsent.len()) as u64;
    let missing = outcome.accepted().checked_sub(known);
    ensure(
        missing.is_some_and(|missing| missing <= outcome.in_doubt),
        || format!("{missing:?} missing, {} in doubt", outcome.in_doubt),
    )
}

fn of(tag: usize, bytes: &[u8]) -> Vec<u8> {
    let own = |byte: &&u8| usize::from(**byte >> 6) == tag;
    bytes.iter().filter(own).copied().collect()
}

/// Whether these bytes are the chunks of the producers, each one whole, those of one
/// producer in its order. Unless the line has to be `whole`, its end may be missing.
fn walk(outcome: &Outcome, mut line: &[u8], whole: bool) -> Result<(), String> {
    let producers = outcome.producers.iter();
    let mut chunks: Vec<_> = producers
        .map(|notes| notes.accepted.iter().filter(|chunk| !chunk.is_empty()))
        .collect();
    let length = line.len();
    while let Some(first) = line.first() {
        let at = length - line.len();
        let next = chunks.get_mut(usize::from(*first >> 6));
        let Some(chunk) = next.and_then(Iterator::next) else {
            return Err(format!("at {at}: no producer wrote this, or not so often"));
        };
        let count = chunk.len().min(line.len());
        ensure(line[..count] == chunk[..count], || {
            format!("at {at}: another chunk was due")
        })?;
        ensure(count == chunk.len() || !whole, || {
            format!("at {at}: a chunk is cut")
        })?;
        line = &line[count..];
    }
    let all = chunks.iter_mut().all(|chunks| chunks.next().is_none());
    ensure(all || !whole, || format!("after {length}: chunks are lost"))
}

fn counts(outcome: &Outcome) -> Result<(), String> {
    let Some((counted, written)) = outcome.totals else {
        return Ok(());
    };
    let unsent = outcome.unsent.as_ref().map_or(0, Vec::len) as u64;
    let (all, taken) = (outcome.accepted(), outcome.delivered.len() as u64);
    ensure(counted == all, || {
        format!("{all} bytes accepted, {counted} counted")
    })?;
    ensure(written + unsent + outcome.in_doubt == counted, || {
        format!("{written} written and {unsent} unsent of {counted}")
    })?;
    let later = taken.checked_sub(written);
    ensure(later.is_some_and(|later| later <= outcome.in_doubt), || {
        format!("{taken} taken, {written} counted")
    })
}

fn no_doubt(outcome: &Outcome) -> Result<(), String> {
    ensure(!outcome.waited || outcome.in_doubt == 0, || {
        format!("{} bytes in doubt", outcome.in_doubt)
    })
}

fn cause(outcome: &Outcome) -> Result<(), String> {
    let causes: Vec<_> = outcome.producers.iter().flat_map(|n| &n.causes).collect();
    for cause in &causes {
        let (injected, reason) = (outcome.injected.as_ref(), outcome.reason.as_ref());
        let gave_up = outcome.may_give_up && is_out_of_time(cause);
        ensure(
            Some(*cause) == injected || Some(*cause) == reason || gave_up,
            || format!("{cause:?}, but {injected:?} injected and {reason:?} given"),
        )?;
    }
    ensure(causes.windows(2).all(|pair| pair[0] == pair[1]), || {
        format!("not all causes are the same: {causes:?}")
    })
}

/// What a drop that gives up is the reason for.
fn is_out_of_time(cause: &Why) -> bool {
    matches!(cause, Why::Reason(text) if text.starts_with("the stream had not ended in time: "))
}

fn refused(outcome: &Outcome) -> Result<(), String> {
    let mut refused = outcome.producers.iter().flat_map(|notes| &notes.refused);
    ensure(refused.all(|(given, back)| given == back), || {
        "a refused chunk came back as another".into()
    })
}

fn acknowledged(outcome: &Outcome) -> Result<(), String> {
    let mut acks = outcome.producers.iter().flat_map(|notes| &notes.acks);
    let early = acks.find(|ack| ack.position > ack.reached);
    ensure(early.is_none(), || format!("too early: {early:?}"))
}

fn finished(outcome: &Outcome) -> Result<(), String> {
    let injected = outcome.injected.is_some();
    ensure(!(outcome.finished && injected), || {
        "it finished although the sink failed".into()
    })?;
    if outcome.finished || outcome.has_to_finish && !injected {
        walk(outcome, &outcome.delivered, true)?;
        ensure(outcome.flushed_to == outcome.delivered.len(), || {
            "not everything is flushed".into()
        })?;
        ensure(outcome.sink_closed == outcome.is_polled, || {
            format!(
                "closed: {}, polled: {}",
                outcome.sink_closed, outcome.is_polled
            )
        })?;
    }
    Ok(())
}

fn left_alone(outcome: &Outcome) -> Result<(), String> {
    ensure(outcome.calls_after == 0, || {
        format!("called {} times after it failed", outcome.calls_after)
    })
}

fn events(outcome: &Outcome) -> Result<(), String> {
    let events = &outcome.events;
    let times = |name| events.iter().filter(|event| **event == name).count();
    let (finish, error, close) = (times("finish"), times("error"), times("close"));
    let holds = close == 1
        && events.last() == Some(&"close")
        && finish + error <= 1
        && (!outcome.finished || finish == 1)
        && times("open") <= 1;
    ensure(holds, || format!("{events:?}"))?;
    let mut closed = outcome.producers.iter().filter_map(|n| n.closed_well);
    ensure(closed.all(|well| well == (finish == 1)), || {
        format!("a producer saw the stream close otherwise than the observer: {events:?}")
    })
}

fn sink_back(outcome: &Outcome) -> Result<(), String> {
    let due = outcome.waited && outcome.sink_at_hand;
    ensure(outcome.sink_came_back || !due, || {
        "the sink did not come back".into()
    })
}

/// What a reader takes for the whole body is all that was accepted before an end, or as many
/// bytes as the body was to have. Any other reader gets an error that was given, or has left.
fn no_false_end(outcome: &Outcome) -> Result<(), String> {
    let Some(seen) = &outcome.seen else {
        return Ok(());
    };
    let has_length = outcome.length == Some(outcome.delivered.len() as u64);
    match seen {
        Seen::End | Seen::MayLeave => {
            ensure(outcome.ends, || format!("{seen:?} without an end"))?;
            ensure(has_length || outcome.length.is_none(), || {
                format!("{seen:?} at another length")
            })?;
            walk(outcome, &outcome.delivered, true)
        }
        Seen::HasLength => ensure(has_length, || "not all bytes of the length".into()),
        Seen::Error(_) | Seen::Left | Seen::Panicked if outcome.finished => {
            Err(format!("it finished, and the reader: {seen:?}"))
        }
        Seen::Error(why) => {
            let destroyed = Why::Other("the stream was destroyed".into());
            let given = [&outcome.injected, &outcome.reason];
            let known = given.contains(&&Some(why.clone())) || *why == destroyed;
            ensure(known, || format!("the reader got {why:?} of {given:?}"))
        }
        Seen::Left | Seen::Panicked => Ok(()),
    }
}
