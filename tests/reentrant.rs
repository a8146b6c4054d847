//! What calls from inside the stream's own calls lead to, where no wider test looks.

use highwater::machine::{Event, Fault, Options, Quirks};
use highwater::{Driver, Flow, Host};

/// Where the stream calls out.
#[derive(Clone, Copy, PartialEq)]
enum Point {
    Sink(char),
    Event(Event),
    Callback(char),
}

/// Does one thing at each point, and notes what it is given.
struct Scripted {
    at: fn(&mut Driver<Scripted>, Point),
    sent: String,
    called: String,
    drains: u32,
}

impl Host for Scripted {
    type Chunk = char;
    /// Capital letters are one and the same function.
    type Callback = char;

    fn write(stream: &mut Driver<Self>, letter: char) {
        stream.host_mut().sent.push(letter);
        let at = stream.host().at;
        at(stream, Point::Sink(letter));
    }

    fn write_batch(stream: &mut Driver<Self>, letters: Vec<char>) {
        stream.host_mut().sent.extend(letters);
        let at = stream.host().at;
        at(stream, Point::Sink('*'));
    }

    fn event(stream: &mut Driver<Self>, event: Event) {
        stream.host_mut().drains += u32::from(event == Event::Drain);
        let at = stream.host().at;
        at(stream, Point::Event(event));
    }

    fn callback(stream: &mut Driver<Self>, letter: char, _: Result<(), Fault>) {
        stream.host_mut().called.push(letter);
        let at = stream.host().at;
        at(stream, Point::Callback(letter));
    }

    fn same_callback(waiting: &char, new: &char) -> bool {
        waiting.is_uppercase() && new.is_uppercase()
    }
}

fn stream(options: Options, at: fn(&mut Driver<Scripted>, Point)) -> Driver<Scripted> {
    let (sent, called) = (String::new(), String::new());
    let drains = 0;
    Driver::new(
        options,
        Scripted {
            at,
            sent,
            called,
            drains,
        },
    )
}

/// Each write is answered within the sink's call.
fn at_once(stream: &mut Driver<Scripted>, point: Point) {
    if let Point::Sink(_) = point {
        stream.written(Ok(()));
    }
}

#[test]
fn a_write_at_open_follows_what_has_waited() {
    let options = Options::new().with_construct(true);
    let mut stream = stream(options, |stream, point| {
        if point == Point::Event(Event::Open) {
            assert_eq!(stream.write('b', 1, None), Ok(Flow::More));
        }
        at_once(stream, point);
    });
    assert_eq!(stream.write('a', 1, None), Ok(Flow::More));
    stream.run_ticks();
    assert_eq!(stream.host().sent, "ab");
}

#[test]
fn progress_of_nothing_tells_no_drain() {
    let options = Options::new().with_high_water_mark(1).with_batches(true);
    let mut stream = stream(options, at_once);
    stream.cork();
    for letter in ['a', 'b'] {
        assert_eq!(stream.write(letter, 1, None), Ok(Flow::Wait));
    }
    stream.uncork(); // answered at once: 'drain' waits for a tick
    assert!(!stream.state().is_writing() && stream.state().needs_drain());
    stream.progressed(1);
    assert_eq!(stream.host().drains, 0);
    stream.run_ticks();
    assert_eq!(stream.host().drains, 1);
}

#[test]
fn progress_within_the_call_of_the_sink_leaves_drain_to_the_answer() {
    let options = Options::new().with_high_water_mark(1);
    let mut stream = stream(options, |stream, point| {
        if point == Point::Sink('a') {
            stream.progressed(2);
            assert_eq!(stream.host().drains, 0);
        }
    });
    stream.cork();
    assert_eq!(stream.write('a', 2, None), Ok(Flow::Wait));
    stream.uncork();
    assert_eq!((stream.state().length(), stream.host().drains), (0, 0));
    stream.written(Ok(()));
    assert_eq!(stream.host().drains, 1);
}

#[test]
fn an_after_write_joins_none_that_waits_since_before_one_ran() {
    let mut stream = stream(Options::new(), |stream, point| {
        if point == Point::Callback('a') {
            stream.defer('x', Ok(()));
            assert_eq!(stream.write('C', 1, Some('C')), Ok(Flow::More));
        }
        at_once(stream, point);
    });
    for letter in ['a', 'B'] {
        assert_eq!(stream.write(letter, 1, Some(letter)), Ok(Flow::More));
    }
    stream.run_ticks();
    assert_eq!(stream.host().called, "aBxC");
}

#[test]
fn a_cork_in_a_flush_fails_nothing_of_a_stream_with_node_s_quirk() {
    let options = Options::new().with_quirks(Quirks::DESTROY_ERRORS);
    let mut stream = stream(options, |stream, point| {
        if point == Point::Sink('a') {
            stream.cork();
        }
        at_once(stream, point);
    });
    stream.cork();
    for letter in ['a', 'b', 'c'] {
        assert_eq!(stream.write(letter, 1, None), Ok(Flow::More));
    }
    stream.uncork();
    assert_eq!(
        (stream.host().sent.as_str(), stream.state().queued()),
        ("a", 2)
    );
    assert_eq!(stream.state().errored(), None);
    stream.uncork();
    assert_eq!(stream.host().sent, "abc");
}
