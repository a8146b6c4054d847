//! The driver, in order, under a host that reacts from within every call.

use highwater::machine::{Event, Fault, Measure, Quirks};
use highwater::{Driver, Flow, Host, Refused};

use crate::{Bytes, Chosen, failed};

/// Reactions inside reactions, no deeper than this: the call stack has an end.
const DEEPEST: u32 = 12;

/// Whose callback it is. A call of `write()` or `end()` is known by its number.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Callback {
    /// Of a write. Those with the same number here share a function, except 0.
    Write(usize, u8),
    End(usize),
    Own(usize),
}

/// What the host was called for.
#[derive(Clone, Copy, Default, PartialEq)]
enum Asked {
    #[default]
    NotYet,
    Unanswered,
    Answered,
}

impl Asked {
    fn answers(&mut self) -> bool {
        let answers = *self == Self::Unanswered;
        if answers {
            *self = Self::Answered;
        }
        answers
    }
}

#[derive(Default)]
struct Outside<'a> {
    bytes: Bytes<'a>,
    chosen: Chosen,
    depth: u32,
    calls: usize,
    /// The calls that have not returned.
    open: Vec<usize>,
    /// Of which call, and how long, in the order of acceptance.
    accepted: Vec<(usize, u64)>,
    /// How many of these went to the sink, and how many came back unsent.
    given: usize,
    unsent: usize,
    /// Those of the latest sink call, and all that were written well.
    latest: Vec<usize>,
    /// How much of the latest sink call is left to do.
    left: u64,
    written: Vec<usize>,
    owed: Vec<Callback>,
    closed: bool,
    write: Asked,
    construct: Asked,
    finalize: Asked,
    destroy: Asked,
}

type Stream<'a> = Driver<Outside<'a>>;

pub(crate) fn play(bytes: Bytes<'_>, chosen: Chosen) {
    let host = Outside {
        bytes,
        chosen,
        ..Outside::default()
    };
    let mut stream = Driver::new(chosen.options, host);
    while !stream.host().bytes.0.is_empty() {
        react(&mut stream);
        if stream.host_mut().bytes.flag() {
            stream.run_tick();
        } else {
            stream.run_ticks();
        }
    }
    wind_down(&mut stream);
}

/// Answers everything, ends, destroys: then nothing is owed any more.
fn wind_down(stream: &mut Stream<'_>) {
    let strict = stream.host().chosen.quirks == Quirks::NONE;
    settle(stream);
    let state = *stream.state();
    let open = !failed(&state) && !state.is_ended();
    if strict && open {
        assert!(!state.needs_drain(), "WaitIsAnswered");
        assert_eq!((state.length(), state.queued()), (0, 0), "all is written");
    }
    end(stream, None, true);
    settle(stream);
    if strict && !failed(&state) {
        assert!(stream.state().is_finished(), "EndResolves");
    }
    stream.destroy(None);
    settle(stream);
    if strict {
        let host = stream.host();
        assert_eq!(host.owed, [], "CallbackOnce");
        assert_eq!(
            host.given + host.unsent,
            host.accepted.len(),
            "nothing lost"
        );
        assert!(stream.state().is_closed(), "DestroyCloses");
        assert_eq!(host.closed, stream.options().emit_close(), "DestroyCloses");
        assert_eq!(stream.state().length(), 0, "LengthAccounts");
        let sum = host
            .accepted
            .iter()
            .fold(0, |sum: u64, (_, len)| sum.saturating_add(*len));
        assert_eq!(stream.accepted(), sum, "the position");
    }
}

fn settle(stream: &mut Stream<'_>) {
    loop {
        stream.run_ticks();
        if stream.state().corked() > 0 {
            stream.uncork();
        } else if !answer(stream, Ok(())) {
            return;
        }
    }
}

/// What the host does before it returns, as the bytes say.
fn react(stream: &mut Stream<'_>) {
    check(stream);
    if stream.host().depth == DEEPEST {
        return;
    }
    stream.host_mut().depth += 1;
    while act(stream) {
        check(stream);
    }
    stream.host_mut().depth -= 1;
}

/// Nothing more, if there are no bytes left: they are zeros then.
fn act(stream: &mut Stream<'_>) -> bool {
    let bytes = &mut stream.host_mut().bytes;
    match bytes.next() % 22 {
        0..4 => return false,
        4..9 => {
            let (len, kind) = (bytes.len(), bytes.next() % 8);
            write(stream, len, kind);
        }
        9 => stream.cork(),
        10 | 11 => stream.uncork(),
        12..15 => drop(answer(stream, Ok(()))),
        15 => {
            let result = bytes.result();
            answer(stream, result);
        }
        16 => {
            let (chunk, callback) = (bytes.flag().then(|| bytes.len()), bytes.flag());
            end(stream, chunk, callback);
        }
        17 => {
            let error = bytes.maybe_fault();
            stream.destroy(error);
        }
        18 => {
            // A second answer.
            let (which, result) = (bytes.next() % 4, bytes.result());
            let host = stream.host();
            match which {
                0 if host.construct == Asked::Answered => stream.constructed(result),
                1 if host.finalize == Asked::Answered => stream.finalized(result),
                2 if host.destroy == Asked::Answered => stream.destroyed(result.err()),
                3 if host.given > 0 => stream.written_again(result),
                _ => {}
            }
        }
        19 => {
            let callback = Callback::Own(next_call(stream));
            stream.host_mut().owed.push(callback);
            stream.defer(callback, Ok(()));
        }
        _ => {
            let part = bytes.len();
            progress(stream, part);
        }
    }
    true
}

fn next_call(stream: &mut Stream<'_>) -> usize {
    stream.host_mut().calls += 1;
    stream.host().calls
}

/// What is accepted is known before the call: it may be written within it.
fn accept(stream: &mut Stream<'_>, call: usize, len: u64) -> Option<Fault> {
    let measure = Measure {
        len,
        callback: false,
    };
    let refusal = stream.state().refusal(stream.options(), measure);
    if refusal.is_none() {
        let counts = stream.options().measure(len);
        stream.host_mut().accepted.push((call, counts));
    }
    refusal
}

fn write(stream: &mut Stream<'_>, len: u64, kind: u8) {
    let call = next_call(stream);
    let refusal = accept(stream, call, len);
    let callback = (kind > 0).then_some(Callback::Write(call, kind / 2));
    stream.host_mut().owed.extend(callback);
    stream.host_mut().open.push(call);
    let answer = stream.write(call, len, callback);
    stream.host_mut().open.pop();
    match answer {
        Ok(flow) => {
            let room = stream.host().chosen.room(stream.state().length());
            let more = room && !failed(stream.state());
            assert!(refusal.is_none(), "accepted, not refused");
            assert_eq!(flow == Flow::More, more, "AnswerTruthful");
        }
        Err(Refused { chunk, fault }) => assert_eq!((chunk, Some(fault)), (call, refusal)),
    }
}

fn end(stream: &mut Stream<'_>, chunk: Option<u64>, callback: bool) {
    let call = next_call(stream);
    let refusal = chunk.and_then(|len| accept(stream, call, len));
    let callback = callback.then_some(Callback::End(call));
    stream.host_mut().owed.extend(callback);
    stream.host_mut().open.push(call);
    let ended = stream.end(chunk.map(|len| (call, len)), callback);
    stream.host_mut().open.pop();
    assert_eq!(ended.map_err(|refused| refused.fault).err(), refusal);
}

/// The sink or the hook that was called longest ago answers. `false` if none has anything to answer.
fn answer(stream: &mut Stream<'_>, result: Result<(), Fault>) -> bool {
    let host = stream.host_mut();
    if host.construct.answers() {
        stream.constructed(result);
    } else if host.write.answers() {
        if result.is_ok() {
            host.written.append(&mut host.latest);
        }
        stream.written(result);
    } else if host.finalize.answers() {
        stream.finalized(result);
    } else if host.destroy.answers() {
        stream.destroyed(result.err());
    } else {
        return false;
    }
    true
}

/// The sink reports what it has done of its latest call, which may be more than all of it.
fn progress(stream: &mut Stream<'_>, part: u64) {
    let host = stream.host_mut();
    host.left -= part.min(host.left);
    stream.progressed(part);
}

/// What the machine counts is what the host has seen.
fn check(stream: &Stream<'_>) {
    let (host, state) = (stream.host(), stream.state());
    if host.chosen.quirks == Quirks::NONE {
        let queued = &host.accepted[host.given + host.unsent..];
        let length: u64 = queued.iter().map(|(_, len)| len).sum();
        assert_eq!(state.queued() as usize, queued.len(), "the queue");
        assert_eq!(state.length(), state.in_flight() + length, "LengthAccounts");
        if state.is_writing() {
            assert_eq!(state.in_flight(), host.left, "LengthAccounts");
        }
    }
}

/// The sink is called.
fn give(stream: &mut Stream<'_>, chunks: Vec<usize>) {
    let failed = failed(stream.state());
    let host = stream.host_mut();
    if host.chosen.quirks == Quirks::NONE {
        assert!(host.write != Asked::Unanswered, "OneAtATime");
        let open = host.construct == Asked::Answered || !host.chosen.construct;
        assert!(
            open && !failed && host.unsent == 0,
            "NothingSentAfterFailure"
        );
        let next = host.accepted[host.given..].iter().map(|(call, _)| *call);
        assert!(
            next.take(chunks.len()).eq(chunks.iter().copied()),
            "OrderKept"
        );
    }
    let lens = host.accepted.iter().skip(host.given).take(chunks.len());
    host.left = lens.fold(0, |sum, (_, len)| sum.saturating_add(*len));
    host.given += chunks.len();
    host.latest = chunks;
    host.write = Asked::Unanswered;
    react(stream);
}

impl Host for Outside<'_> {
    type Chunk = usize;
    type Callback = Callback;

    fn write(stream: &mut Driver<Self>, chunk: usize) {
        give(stream, vec![chunk]);
    }

    fn write_batch(stream: &mut Driver<Self>, chunks: Vec<usize>) {
        assert!(stream.host().chosen.batches && chunks.len() > 1, "a batch");
        give(stream, chunks);
    }

    fn event(stream: &mut Driver<Self>, event: Event) {
        let host = stream.host_mut();
        assert!(
            !host.closed || host.chosen.quirks != Quirks::NONE,
            "CloseLast"
        );
        host.closed |= event == Event::Close;
        react(stream);
    }

    fn callback(stream: &mut Driver<Self>, callback: Callback, result: Result<(), Fault>) {
        let finished = stream.state().is_finished();
        let host = stream.host_mut();
        let place = host.owed.iter().position(|owed| *owed == callback);
        if host.chosen.quirks == Quirks::NONE {
            let place = place.expect("CallbackOnce");
            host.owed.swap_remove(place);
            let deserved = match callback {
                Callback::Write(call, _) => host.written.contains(&call),
                Callback::End(_) => finished,
                Callback::Own(_) => true,
            };
            assert!(deserved || result.is_err(), "told ok: {callback:?}");
            let (Callback::Write(call, _) | Callback::End(call) | Callback::Own(call)) = callback;
            assert!(!host.open.contains(&call), "CallbackLater");
        }
        react(stream);
    }

    fn unsent(stream: &mut Driver<Self>, chunk: usize) {
        let host = stream.host_mut();
        if host.chosen.quirks == Quirks::NONE {
            let (next, _) = host.accepted[host.given + host.unsent];
            assert_eq!(next, chunk, "OrderKept");
        }
        host.unsent += 1;
        react(stream);
    }

    fn construct(stream: &mut Driver<Self>) {
        stream.host_mut().construct = Asked::Unanswered;
        react(stream);
    }

    fn finalize(stream: &mut Driver<Self>) {
        stream.host_mut().finalize = Asked::Unanswered;
        react(stream);
    }

    fn destroy(stream: &mut Driver<Self>, _: Option<Fault>, _: Option<Fault>) {
        stream.host_mut().destroy = Asked::Unanswered;
        react(stream);
    }

    fn same_callback(waiting: &Callback, new: &Callback) -> bool {
        matches!((waiting, new), (Callback::Write(_, a), Callback::Write(_, b)) if a == b && *a > 0)
    }
}
