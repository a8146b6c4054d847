//! Schedules, at random: the options of the stream, what the sink does in its calls, and
//! what the owner and the other producers call.

use std::io;
use std::time::Duration;

use highwater::OnDrop;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;

#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pub(crate) mark: u64,
    pub(crate) low: u64,
    pub(crate) limit: Option<u64>,
    pub(crate) on_drop: OnDrop,
    pub(crate) opener: Opener,
    /// The sink looks at more than the first slice. The reader of a body leaves as soon as the
    /// body says that it may.
    pub(crate) vectored: bool,
    /// The length that a body says, if it says one.
    pub(crate) length: Option<Length>,
    /// What its calls of `write` do; after these it takes everything.
    pub(crate) answers: Vec<Answer>,
    /// What its calls of `flush` and of `close` do; after these all is well.
    pub(crate) flushes: Vec<Answer>,
    pub(crate) owner: Vec<Call>,
    /// The other producers, each on its own thread.
    pub(crate) producers: Vec<Vec<Call>>,
    /// The last call of the owner.
    pub(crate) last: Last,
}

/// A length, compared with all that the calls write. (The stream may refuse some of it.)
#[derive(Clone, Copy, Debug)]
pub(crate) enum Length {
    /// It is more by so much.
    Off(i64),
    /// It leaves the chunk out that comes with the end.
    WithoutLast,
}

impl Schedule {
    /// The length that a body says, in bytes.
    pub(crate) fn length(&self) -> Option<u64> {
        let calls = self.producers.iter().flatten().chain(&self.owner);
        let written = calls.map(Call::len).sum::<usize>() as u64;
        match (self.length?, self.last) {
            (Length::Off(more), Last::EndWith(len)) => {
                Some((written + len as u64).saturating_add_signed(more))
            }
            (Length::Off(more), _) => Some(written.saturating_add_signed(more)),
            (Length::WithoutLast, _) => Some(written),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Opener {
    /// The sink is at hand.
    None,
    Opens,
    Fails(io::ErrorKind),
    Panics,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    All,
    /// So many bytes at most, at least one.
    Take(usize),
    /// `Interrupted`, so many times.
    Storm(u32),
    Fault(Fault),
}

/// What ends a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    Kind(io::ErrorKind),
    Panics,
    /// Takes nothing, without an error.
    Zero,
    /// Says that it took more than it was given.
    Lies,
}

#[derive(Clone, Debug)]
pub(crate) enum Call {
    Write(usize),
    WriteOwned(usize),
    /// These, under a cork, or under two.
    Corked(Vec<usize>, bool),
    /// One call of an `io::Write` or an `AsyncWrite`, which waits for room.
    Piece(usize),
    /// A chunk that waits for room. This and the other waits have a time-out, or none.
    Send(usize, Option<Duration>),
    Flush(Option<Duration>),
    Drained(Option<Duration>),
    /// For what is accepted by now.
    Delivered(Option<Duration>),
    /// For a position that the stream never gets to.
    Beyond,
    Position,
}

impl Call {
    /// How many bytes it writes at most.
    fn len(&self) -> usize {
        match self {
            Self::Write(len) | Self::WriteOwned(len) | Self::Piece(len) | Self::Send(len, _) => {
                *len
            }
            Self::Corked(lens, _) => lens.iter().sum(),
            _ => 0,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Last {
    End,
    EndWith(usize),
    EndTimeout(Duration, Then),
    Destroy,
    DestroyWith,
    DestroyTimeout(Duration),
    Drop,
}

/// After an end that timed out.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Then {
    End,
    Destroy,
    DestroyTimeout,
    Drop,
}

/// As long as it takes.
pub(crate) const LONG: Duration = Duration::from_secs(3600);

/// Nothing, and about as long as a call of the sink takes: the race decides what it hits.
fn times() -> impl Strategy<Value = Duration> {
    select(vec![Duration::ZERO, Duration::from_micros(50)])
}

/// Until when to wait.
fn limits() -> impl Strategy<Value = Option<Duration>> {
    proptest::option::weighted(0.4, times())
}

fn kinds() -> impl Strategy<Value = io::ErrorKind> {
    select(vec![
        io::ErrorKind::BrokenPipe,
        io::ErrorKind::WouldBlock,
        io::ErrorKind::StorageFull,
        io::ErrorKind::TimedOut,
        io::ErrorKind::Other,
    ])
}

/// Mostly small; at times larger than every mark.
fn lens() -> impl Strategy<Value = usize> {
    prop_oneof![
        1 => Just(0),
        6 => 1..8_usize,
        3 => 8..40_usize,
        1 => 40..300_usize,
    ]
}

fn answers() -> impl Strategy<Value = Answer> {
    prop_oneof![
        4 => Just(Answer::All),
        3 => Just(Answer::Take(1)),
        5 => (2..40_usize).prop_map(Answer::Take),
        2 => (1..50_u32).prop_map(Answer::Storm),
        1 => faults().prop_map(Answer::Fault),
    ]
}

fn faults() -> impl Strategy<Value = Fault> {
    prop_oneof![
        4 => kinds().prop_map(Fault::Kind),
        1 => Just(Fault::Panics),
        1 => Just(Fault::Zero),
        1 => Just(Fault::Lies),
    ]
}

fn flushes() -> impl Strategy<Value = Answer> {
    prop_oneof![
        6 => Just(Answer::All),
        2 => (1..50_u32).prop_map(Answer::Storm),
        1 => kinds().prop_map(|kind| Answer::Fault(Fault::Kind(kind))),
        1 => Just(Answer::Fault(Fault::Panics)),
    ]
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let call = prop_oneof![
        6 => lens().prop_map(Call::Write),
        4 => lens().prop_map(Call::WriteOwned),
        3 => (vec(lens(), 0..5), any::<bool>()).prop_map(|(lens, two)| Call::Corked(lens, two)),
        2 => lens().prop_map(Call::Piece),
        2 => (lens(), limits()).prop_map(|(len, time)| Call::Send(len, time)),
        2 => limits().prop_map(Call::Flush),
        3 => limits().prop_map(Call::Drained),
        3 => limits().prop_map(Call::Delivered),
        1 => Just(Call::Beyond),
        1 => Just(Call::Position),
    ];
    vec(call, 0..12)
}

fn last() -> impl Strategy<Value = Last> {
    let then = select(vec![
        Then::End,
        Then::Destroy,
        Then::DestroyTimeout,
        Then::Drop,
    ]);
    prop_oneof![
        3 => Just(Last::End),
        2 => lens().prop_map(Last::EndWith),
        3 => (times(), then).prop_map(|(time, then)| Last::EndTimeout(time, then)),
        2 => Just(Last::Destroy),
        1 => Just(Last::DestroyWith),
        2 => times().prop_map(Last::DestroyTimeout),
        3 => Just(Last::Drop),
    ]
}

fn lengths() -> impl Strategy<Value = Length> {
    prop_oneof![
        2 => Just(Length::Off(0)),
        1 => (-9..9_i64).prop_map(Length::Off),
        2 => Just(Length::WithoutLast),
    ]
}

pub(crate) fn thread_policies() -> impl Strategy<Value = OnDrop> {
    prop_oneof![
        Just(OnDrop::Finish),
        Just(OnDrop::Discard),
        Just(OnDrop::Detach),
        Just(OnDrop::FinishWithin(LONG)),
        times().prop_map(OnDrop::FinishWithin),
    ]
}

pub(crate) fn at_hand() -> impl Strategy<Value = Opener> {
    Just(Opener::None)
}

pub(crate) fn opened() -> impl Strategy<Value = Opener> {
    prop_oneof![
        4 => Just(Opener::Opens),
        1 => kinds().prop_map(Opener::Fails),
        1 => Just(Opener::Panics),
    ]
}

/// Schedules with so many producers besides the owner.
pub(crate) fn schedules(
    producers: usize,
    opener: impl Strategy<Value = Opener>,
    on_drop: impl Strategy<Value = OnDrop>,
) -> impl Strategy<Value = Schedule> {
    let mark = prop_oneof![Just(0_u64), Just(1), 2..64_u64, Just(16_384)];
    let limit = proptest::option::weighted(0.3, 0..128_u64);
    let options = (mark, 0..64_u64, limit, on_drop, opener);
    let length = proptest::option::weighted(0.4, lengths());
    let sink = (
        any::<bool>(),
        length,
        vec(answers(), 0..16),
        vec(flushes(), 0..4),
    );
    let subjects = (calls(), vec(calls(), producers), last());
    (options, sink, subjects).prop_map(|(options, sink, subjects)| {
        let (mark, low, limit, on_drop, opener) = options;
        let (vectored, length, answers, flushes) = sink;
        let (owner, producers, last) = subjects;
        Schedule {
            mark,
            low,
            limit,
            on_drop,
            opener,
            vectored,
            length,
            answers,
            flushes,
            owner,
            producers,
            last,
        }
    })
}
