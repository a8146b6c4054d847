//! A step of the machine over words of 8 bytes, as `spec/symbolic/words.py` has them.
//!
//! A flag is 0 or 1. Errors and the enumerations of a state stay as the compiler lays them
//! out, so that reading them takes no branch; [`layout`] shows how that is. Other variants
//! are their place in the source of their enumeration, counted from 1; 0 says that there is
//! none. Every pattern and every literal here names all fields: a field or a variant that
//! is new in the machine does not compile. What is read is also written, so [`echo`] can
//! show that nothing gets lost on the way.

use super::level::Level;
use super::lifecycle::{Ending, Opening, Sink, Teardown};
use super::said::Said;
use super::*;

/// An error, a result, or none: 8 bytes.
pub type Error = Option<Fault>;
const _: () = assert!(size_of::<Error>() == 8);

/// A value of an enumeration, as wide as a word.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub struct Wide<T>(T);
const _: () = assert!(size_of::<Wide<Sink>>() == 8 && size_of::<Wide<Teardown>>() == 8);

/// What can be read from the numbers of a counterexample.
pub trait Word {
    fn read(numbers: &mut dyn Iterator<Item = u64>) -> Self;
}

impl Word for u64 {
    fn read(numbers: &mut dyn Iterator<Item = u64>) -> Self {
        numbers.next().unwrap_or_default()
    }
}

/// The numbers of errors are those of `spec/induction/values.py`.
impl Word for Error {
    fn read(numbers: &mut dyn Iterator<Item = u64>) -> Self {
        match u64::read(numbers) {
            0 => None,
            1 => Some(Fault::WriteAfterEnd),
            2 => Some(Fault::Destroyed),
            3 => Some(Fault::AlreadyFinished),
            4 => Some(Fault::MultipleCallback),
            5 => Some(Fault::TooLong),
            6 => Some(Fault::NotImplemented),
            number => Some(Fault::Caller(ErrorId((number - 16) as u32))),
        }
    }
}

impl Word for Wide<Opening> {
    fn read(numbers: &mut dyn Iterator<Item = u64>) -> Self {
        Self(match u64::read(numbers) {
            0 => Opening::NotCalled,
            1 => Opening::Called,
            _ => Opening::Done,
        })
    }
}

/// Whether the write has callbacks is a number of its own.
impl Word for Wide<Sink> {
    fn read(numbers: &mut dyn Iterator<Item = u64>) -> Self {
        let [place, callback] = [(); 2].map(|()| u64::read(numbers));
        let callback = callback != 0;
        Self(match place {
            0 => Sink::Idle,
            1 => Sink::Writing { callback },
            _ => Sink::TakenBack,
        })
    }
}

impl Word for Wide<Ending> {
    fn read(numbers: &mut dyn Iterator<Item = u64>) -> Self {
        Self(match u64::read(numbers) {
            0 => Ending::Open,
            1 => Ending::Asked,
            2 => Ending::Finalizing,
            3 => Ending::Prefinished,
            4 => Ending::Finished,
            _ => Ending::Told,
        })
    }
}

/// The error that waits is a number of its own.
impl Word for Wide<Teardown> {
    fn read(numbers: &mut dyn Iterator<Item = u64>) -> Self {
        let (place, error) = (u64::read(numbers), Error::read(numbers));
        Self(match place {
            0 => Teardown::None,
            1 => Teardown::Waiting(error),
            2 => Teardown::Called,
            3 => Teardown::Closed,
            _ => Teardown::Told,
        })
    }
}

/// A structure of words, one after the other.
#[macro_export]
macro_rules! words {
    ($($(#[$doc:meta])* pub struct $name:ident {
        $($(#[$of:meta])* $see:vis $field:ident: $kind:ty,)*
    })*) => {$(
        $(#[$doc])*
        #[repr(C)]
        pub struct $name {
            $($(#[$of])* $see $field: $kind,)*
        }

        impl $crate::machine::words::Word for $name {
            fn read(numbers: &mut dyn Iterator<Item = u64>) -> Self {
                Self { $($field: <$kind>::read(numbers),)* }
            }
        }
    )*};
}

words! {
    pub struct StateWords {
        total: u64,
        in_flight: u64,
        queued: u64,
        pending: u64,
        corked: u64,
        errored: Error,
        opening: Wide<Opening>,
        sink: Wide<Sink>,
        ending: Wide<Ending>,
        teardown: Wide<Teardown>,
        error_told: u64,
        queue_callback: u64,
        writable: u64,
        sync: u64,
        flushing: u64,
        need_drain: u64,
        after_write_waits: u64,
        ends_kept: u64,
    }

    pub struct OptionsWords {
        pub high_water_mark: u64,
        pub low_water_mark: u64,
        pub limit: u64,
        pub object_mode: u64,
        pub auto_destroy: u64,
        pub refusals_fail: u64,
        pub emit_close: u64,
        pub batches: u64,
        pub construct: u64,
        pub finalize: u64,
    }

    pub struct HeadWords {
        some: u64,
        length: u64,
        callback: u64,
    }

    /// What comes in. A law looks at `more` as well.
    pub struct Given {
        state: StateWords,
        options: OptionsWords,
        head: HeadWords,
        pub input: Said,
        pub more: Said,
    }
}

/// What comes out.
#[repr(C)]
pub struct Done {
    state: StateWords,
    effect: Said,
    then: Said,
}

/// Reads, steps, and writes.
#[unsafe(no_mangle)]
pub extern "C" fn step_words(given: &Given, done: &mut Done) {
    let (mut state, options, head) = (given.state(), given.options(), given.head());
    let stepped = step(&mut state, &options, head, given.input());
    let Step { effect, then } = stepped;
    done.state = StateWords::of(&state);
    done.effect = effect.map_or(Said::NOTHING, Said::of_effect);
    done.then = then.map_or(Said::NOTHING, |then| Said::of_input(Input::Resume(then)));
}

/// Reads and writes.
#[unsafe(no_mangle)]
pub extern "C" fn echo(given: &Given, said: &mut Given) {
    said.state = StateWords::of(&given.state());
    said.options = given.options().words();
    said.head = HeadWords::of(given.head());
    said.input = Said::of_input(given.input());
    said.more = Said::NOTHING;
}

/// How the compiler lays out each value.
#[repr(C)]
pub struct Layout {
    errors: [Error; 8],
    openings: [Wide<Opening>; 3],
    sinks: [Wide<Sink>; 4],
    endings: [Wide<Ending>; 6],
    teardowns: [Wide<Teardown>; 4],
    waiting: [Wide<Teardown>; 8],
}

/// Each error stands at the place of its enumeration, after none.
#[unsafe(no_mangle)]
pub extern "C" fn layout(said: &mut Layout) {
    let errors = [
        None,
        Some(Fault::Caller(ErrorId(0x0a0b_0c0d))),
        Some(Fault::WriteAfterEnd),
        Some(Fault::Destroyed),
        Some(Fault::AlreadyFinished),
        Some(Fault::MultipleCallback),
        Some(Fault::TooLong),
        Some(Fault::NotImplemented),
    ];
    let [without, with] = [false, true].map(|callback| Sink::Writing { callback });
    let endings = [
        Ending::Open,
        Ending::Asked,
        Ending::Finalizing,
        Ending::Prefinished,
        Ending::Finished,
        Ending::Told,
    ];
    let teardowns = [
        Teardown::None,
        Teardown::Called,
        Teardown::Closed,
        Teardown::Told,
    ];
    *said = Layout {
        errors,
        openings: [Opening::NotCalled, Opening::Called, Opening::Done].map(Wide),
        sinks: [Sink::Idle, without, with, Sink::TakenBack].map(Wide),
        endings: endings.map(Wide),
        teardowns: teardowns.map(Wide),
        waiting: errors.map(|error| Wide(Teardown::Waiting(error))),
    };
}

impl Given {
    pub fn state(&self) -> State {
        self.state.state()
    }

    pub fn options(&self) -> Options {
        Options::of_words(&self.options)
    }

    pub fn head(&self) -> Option<Measure> {
        let HeadWords {
            some,
            length: len,
            callback,
        } = self.head;
        let callback = callback != 0;
        (some != 0).then_some(Measure { len, callback })
    }

    pub fn input(&self) -> Input {
        self.input.input()
    }
}

impl HeadWords {
    fn of(head: Option<Measure>) -> Self {
        let some = head.is_some().into();
        let Measure { len, callback } = head.unwrap_or_default();
        Self {
            some,
            length: len,
            callback: callback.into(),
        }
    }
}

impl StateWords {
    fn state(&self) -> State {
        State {
            level: Level::of_words([self.total, self.in_flight]),
            queued: self.queued as u32,
            pending: self.pending as u32,
            corked: self.corked as u32,
            errored: self.errored,
            error_told: self.error_told != 0,
            opening: self.opening.0,
            sink: self.sink.0,
            ending: self.ending.0,
            teardown: self.teardown.0,
            queue_callback: self.queue_callback != 0,
            writable: self.writable != 0,
            sync: self.sync != 0,
            flushing: self.flushing != 0,
            need_drain: self.need_drain != 0,
            after_write_waits: self.after_write_waits != 0,
            ends_kept: self.ends_kept != 0,
        }
    }

    fn of(state: &State) -> Self {
        let State {
            level,
            queued,
            pending,
            corked,
            errored,
            error_told,
            opening,
            sink,
            ending,
            teardown,
            queue_callback,
            writable,
            sync,
            flushing,
            need_drain,
            after_write_waits,
            ends_kept,
        } = *state;
        let [total, in_flight] = level.words();
        Self {
            total,
            in_flight,
            queued: queued.into(),
            pending: pending.into(),
            corked: corked.into(),
            errored,
            opening: Wide(opening),
            sink: Wide(sink),
            ending: Wide(ending),
            teardown: Wide(teardown),
            error_told: error_told.into(),
            queue_callback: queue_callback.into(),
            writable: writable.into(),
            sync: sync.into(),
            flushing: flushing.into(),
            need_drain: need_drain.into(),
            after_write_waits: after_write_waits.into(),
            ends_kept: ends_kept.into(),
        }
    }
}
