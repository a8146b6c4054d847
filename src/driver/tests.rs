use alloc::format;

use super::{Driver, Host};
use crate::machine::{Event, Fault, Flow, Options};

/// Answers nothing.
struct Silent;

impl Host for Silent {
    type Chunk = ();
    type Callback = ();

    fn write(_: &mut Driver<Self>, (): ()) {}
    fn event(_: &mut Driver<Self>, _: Event) {}
    fn callback(_: &mut Driver<Self>, (): (), _: Result<(), Fault>) {}
}

#[test]
fn the_position_is_what_was_accepted() {
    let mut stream = Driver::new(Options::new().with_limit(4), Silent);
    assert_eq!(stream.write((), 3, None), Ok(Flow::More));
    assert!(stream.write((), 2, None).is_err());
    assert_eq!(stream.accepted(), 3);
    assert!(format!("{stream:?}").contains("accepted: 3"));
}

#[test]
fn progress_of_the_sink_makes_room() {
    let options = Options::new().with_high_water_mark(3);
    let mut stream = Driver::new(options, Silent);
    assert_eq!(stream.write((), 3, None), Ok(Flow::Wait));
    stream.progressed(2);
    assert_eq!(
        (stream.state().length(), stream.state().in_flight()),
        (1, 1)
    );
    assert!(stream.state().is_writing() && stream.state().needs_drain());
    stream.progressed(1);
    assert!(stream.state().is_writing() && !stream.state().needs_drain());
}
