//! What the trait [`Host`] promises: a runtime of several streams is notified of each
//! tick, and a host without `write_batch` loses no chunk.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use highwater::machine::{Event, Fault, Options};
use highwater::{Driver, Flow, Host};

/// What the streams of one runtime share.
#[derive(Default)]
struct Runtime {
    /// The streams in the order in which they have deferred something.
    ticks: VecDeque<usize>,
    called: String,
}

/// Answers each write at once, unless it is silent.
struct Letters {
    name: usize,
    runtime: Rc<RefCell<Runtime>>,
    silent: bool,
    unsent: String,
    events: Vec<Event>,
}

impl Letters {
    fn new(name: usize, runtime: &Rc<RefCell<Runtime>>) -> Self {
        Self {
            name,
            runtime: Rc::clone(runtime),
            silent: false,
            unsent: String::new(),
            events: Vec::new(),
        }
    }
}

impl Host for Letters {
    type Chunk = char;
    /// Capital letters are one and the same function.
    type Callback = char;

    fn write(stream: &mut Driver<Self>, _: char) {
        if !stream.host().silent {
            stream.written(Ok(()));
        }
    }

    fn event(stream: &mut Driver<Self>, event: Event) {
        stream.host_mut().events.push(event);
    }

    fn callback(stream: &mut Driver<Self>, letter: char, result: Result<(), Fault>) {
        let mut runtime = stream.host().runtime.borrow_mut();
        runtime.called.push(letter);
        runtime.called.extend(result.err().map(|_| '!'));
    }

    fn unsent(stream: &mut Driver<Self>, letter: char) {
        stream.host_mut().unsent.push(letter);
    }

    fn deferred(&mut self) {
        self.runtime.borrow_mut().ticks.push_back(self.name);
    }

    fn same_callback(waiting: &char, new: &char) -> bool {
        waiting.is_uppercase() && new.is_uppercase()
    }
}

/// Two streams that have written in turn: `s:a t:b s:c s:e t:d`.
fn two_that_wrote() -> (Rc<RefCell<Runtime>>, [Driver<Letters>; 2]) {
    let runtime = Rc::default();
    let mut streams = [0, 1].map(|name| Driver::new(Options::new(), Letters::new(name, &runtime)));
    for (name, letter) in [(0, 'a'), (1, 'b'), (0, 'c'), (0, 'e'), (1, 'd')] {
        let written = streams[name].write(letter, 1, Some(letter));
        assert_eq!(written, Ok(Flow::More));
    }
    (runtime, streams)
}

fn next(runtime: &RefCell<Runtime>) -> Option<usize> {
    runtime.borrow_mut().ticks.pop_front()
}

#[test]
fn callbacks_of_two_streams_come_in_the_order_of_the_writes() {
    let (runtime, mut streams) = two_that_wrote();
    while let Some(name) = next(&runtime) {
        assert!(streams[name].run_tick());
    }
    assert_eq!(runtime.borrow().called, "abced");
}

/// The fault that the shared order avoids: the test above can fail.
#[test]
fn ticks_that_run_stream_by_stream_give_another_order() {
    let (runtime, mut streams) = two_that_wrote();
    streams.iter_mut().for_each(Driver::run_ticks);
    assert_eq!(runtime.borrow().called, "acebd");
}

#[test]
fn a_runtime_is_notified_once_for_each_tick() {
    let runtime = Rc::default();
    let options = Options::new().with_construct(true);
    let notified = || runtime_ticks(&runtime);
    let mut stream = Driver::new(options, Letters::new(0, &runtime));
    assert_eq!(notified(), 1, "construct is deferred by `new`");
    stream.run_ticks();
    assert_eq!(notified(), 2, "its answer is deferred");
    let room = stream.write('a', 1, Some('a'));
    assert_eq!((room, notified()), (Ok(Flow::More), 3), "an after-write");
    for letter in ['A', 'B', 'C'] {
        assert_eq!(stream.write(letter, 1, Some(letter)), Ok(Flow::More));
        assert_eq!(notified(), 4, "B and C join the after-write of A");
    }
    stream.defer('x', Ok(()));
    assert_eq!(notified(), 5, "the host defers");
    stream.end(None, Some('e')).expect("no chunk to be refused");
    let before = notified();
    assert!(stream.write('z', 1, None).is_err());
    let failed = notified();
    assert!(stream.write('z', 1, Some('z')).is_err());
    assert_eq!(notified(), failed + 1, "the callback of a refused write");
    let mut ran = 2;
    while stream.run_tick() {
        ran += 1;
    }
    assert!(before < failed, "the failure is deferred");
    assert_eq!(ran, notified());
    assert_eq!(runtime.borrow().called, "ae!ABCxz!");
}

fn runtime_ticks(runtime: &RefCell<Runtime>) -> usize {
    runtime.borrow().ticks.len()
}

/// A stream whose sink is busy with `a`, with the other letters queued behind it.
fn asks_for_batches(queued: &str) -> Driver<Letters> {
    let runtime = Rc::default();
    let options = Options::new().with_batches(true);
    let mut stream = Driver::new(options, Letters::new(0, &runtime));
    stream.host_mut().silent = true;
    for letter in "a".chars().chain(queued.chars()) {
        assert_eq!(stream.write(letter, 1, Some(letter)), Ok(Flow::More));
    }
    stream
}

#[test]
fn a_batch_that_no_host_takes_is_handed_back_once_and_named() {
    let mut stream = asks_for_batches("bcd");
    stream.written(Ok(()));
    assert_eq!(stream.host().unsent, "bcd");
    assert!(stream.write('e', 1, Some('e')).is_err());
    stream.run_ticks();

    let host = stream.host();
    assert_eq!(host.unsent, "bcd", "each chunk once");
    assert_eq!(host.runtime.borrow().called, "ab!c!d!e!");
    let fault = Fault::NotImplemented;
    assert_eq!(host.events, [Event::Error(fault), Event::Close]);
    assert_eq!(stream.state().errored(), Some(fault));
    assert_eq!(fault.code(), Some("ERR_METHOD_NOT_IMPLEMENTED"));
    assert_eq!(stream.state().length(), 0);
}

#[test]
fn one_queued_chunk_is_no_batch() {
    let mut stream = asks_for_batches("b");
    stream.written(Ok(()));
    stream.written(Ok(()));
    stream.run_ticks();
    assert_eq!(stream.host().unsent, "");
    assert_eq!(stream.state().errored(), None);
}

#[test]
fn a_host_without_a_finalize_finishes_at_once() {
    let options = Options::new().with_finalize(true);
    let mut stream = Driver::new(options, Letters::new(0, &Rc::default()));
    stream.end(None, None).expect("no chunk to be refused");
    stream.run_ticks();
    let events = [Event::Prefinish, Event::Finish, Event::Close];
    assert_eq!(stream.host().events, events);
}

#[test]
fn the_position_is_what_the_stream_has_accepted() {
    let mut stream = silent(Options::new().with_limit(4));
    assert_eq!(stream.write('a', 3, None), Ok(Flow::More));
    assert!(stream.write('b', 2, None).is_err());
    assert_eq!(stream.accepted(), 3);
    assert!(format!("{stream:?}").contains("accepted: 3"));
}

#[test]
fn progress_of_the_sink_makes_room() {
    let mut stream = silent(Options::new().with_high_water_mark(3));
    assert_eq!(stream.write('a', 3, None), Ok(Flow::Wait));
    stream.progressed(2);
    let state = stream.state();
    assert_eq!((state.length(), state.in_flight()), (1, 1));
    assert!(state.is_writing() && state.needs_drain());
    stream.progressed(1);
    assert!(stream.state().is_writing() && !stream.state().needs_drain());
}

/// A stream whose sink answers nothing.
fn silent(options: Options) -> Driver<Letters> {
    let mut letters = Letters::new(0, &Rc::default());
    letters.silent = true;
    Driver::new(options, letters)
}
