//! Bytes as operations. Half of them go to the machine: inputs, ticks and
//! continuations in any order, also in one that no driver would ever bring about
//! (rule 23). The other half goes to a [`Driver`](highwater::Driver) whose host
//! reacts from within every call, as a host may.
//!
//! To run it, from the root of the repository:
//!
//! ```text
//! cargo +nightly fuzz run machine -- -max_total_time=600
//! ```
//!
//! Without quirks everything below is asserted. With quirks, which one input in
//! sixteen has, nothing may panic.

#![no_main]

mod any_order;
mod in_order;

use highwater::machine::{
    End, ErrorId, Fault, Input, Leased, Measure, Next, Options, Quirks, State, Task, Then,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Bytes(bytes);
    let driver = bytes.flag();
    let chosen = Chosen::new(&mut bytes);
    if driver {
        in_order::play(bytes, chosen);
    } else {
        any_order::play(bytes, chosen);
    }
});

/// Every choice takes a byte, so that a changed byte changes one thing. (A derived
/// `Arbitrary` takes four for a variant.) Past the end there are zeros.
#[derive(Default)]
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn next(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    fn flag(&mut self) -> bool {
        self.next() & 1 == 1
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::from(self.next()) % all.len()]
    }

    /// One of so many; 0 if there are none.
    fn below(&mut self, count: usize) -> usize {
        usize::from(self.next()) % count.max(1)
    }

    fn len(&mut self) -> u64 {
        self.one_of(&[0, 1, 1, 1, 2, 3, 5, u64::MAX / 2, u64::MAX])
    }

    fn fault(&mut self) -> Fault {
        let (one, two) = (Fault::Caller(ErrorId(1)), Fault::Caller(ErrorId(2)));
        self.one_of(&[
            one,
            two,
            Fault::WriteAfterEnd,
            Fault::Destroyed,
            Fault::TooLong,
        ])
    }

    fn maybe_fault(&mut self) -> Option<Fault> {
        self.result().err()
    }

    fn result(&mut self) -> Result<(), Fault> {
        if self.next() % 4 == 3 {
            Err(self.fault())
        } else {
            Ok(())
        }
    }

    fn measure(&mut self) -> Measure {
        Measure {
            len: self.len(),
            callback: self.flag(),
        }
    }

    fn end(&mut self) -> End {
        End {
            refused: self.maybe_fault(),
            callback: self.flag(),
        }
    }

    /// What a driver did on a lease; numbers that no lease covers are among them.
    fn leased(&mut self) -> Leased {
        let count = self.one_of(&[0, 1, 1, 2, 3, u32::MAX - 1, u32::MAX]);
        match self.next() % 5 {
            0 | 1 => Leased::Queued {
                chunks: count,
                len: self.len(),
                callback: self.flag(),
            },
            2 => Leased::Written {
                callbacks: count,
                deferred: self.flag(),
            },
            3 => Leased::Called { callbacks: count },
            _ => Leased::Flushed {
                answers: count,
                len: self.len(),
            },
        }
    }

    fn answer(&mut self) -> Input {
        match self.next() % 9 {
            8 => Input::Progress(self.len()),
            0..4 => Input::Written {
                result: self.result(),
                again: false,
            },
            4 => Input::Written {
                result: self.result(),
                again: true,
            },
            5 => Input::Constructed(self.result()),
            6 => Input::Finalized(self.result()),
            7 if self.flag() => Input::Joined,
            _ => Input::Destroyed(self.maybe_fault()),
        }
    }

    fn call(&mut self) -> Input {
        match self.next() % 16 {
            0..8 => Input::Write(self.measure()),
            8..10 => Input::Cork,
            10..13 => Input::Uncork,
            13 => Input::Destroy(self.maybe_fault()),
            14 => Input::End(self.end()),
            _ => Input::Start,
        }
    }

    fn next_of(&mut self) -> Next {
        match self.next() % 9 {
            0 => Next::Nothing,
            1 => Next::Look,
            2 => Next::LookNow,
            3 => Next::LookThenEnd(self.end()),
            4 => Next::End(self.end()),
            5 => Next::EndCallback(self.maybe_fault()),
            6 => Next::AfterWrite {
                callback: self.flag(),
            },
            7 => Next::AtOnce {
                callback: self.flag(),
            },
            _ => Next::Fail(self.fault()),
        }
    }

    fn then(&mut self) -> Then {
        match self.next() % 17 {
            0 => Then::Answer,
            1 => Then::Flush(self.next_of()),
            2 => Then::Flushing(self.next_of()),
            3 => Then::Batched(self.next_of()),
            4 => Then::Callbacks {
                left: self.next().into(),
                callback: self.flag(),
            },
            5 => Then::Reject(self.next_of()),
            6 => Then::Next(self.next_of()),
            7 => Then::Finalizing(self.next_of()),
            8 => Then::Prefinished {
                now: self.flag(),
                next: self.next_of(),
            },
            9 => Then::DeferFinish,
            10 => Then::FailFinal(self.fault()),
            11 => Then::Fail {
                fault: self.fault(),
                sync: self.flag(),
            },
            12 => Then::TellError {
                fault: self.fault(),
                sync: self.flag(),
            },
            13 => Then::CallDestroy,
            14 => Then::TellFinish,
            15 => Then::AutoDestroy,
            _ => Then::TellClose,
        }
    }

    fn task(&mut self) -> Task {
        let count = self.one_of(&[0, 1, 2, u32::MAX]);
        match self.next() % 8 {
            0 => Task::Construct,
            1 => Task::Constructed(self.result()),
            2 => Task::AfterWrite {
                count,
                callback: self.flag(),
            },
            3 => Task::WriteFailed {
                fault: self.fault(),
                callback: self.flag(),
            },
            4 => Task::Reject,
            5 => Task::Finish { unchecked: false }, // `true` is a quirk
            6 => Task::Error(self.fault()),
            _ => Task::Close(self.maybe_fault()),
        }
    }
}

/// The options, and those of them that cannot be read back.
#[derive(Clone, Copy, Default)]
struct Chosen {
    options: Options,
    batches: bool,
    construct: bool,
    finalize: bool,
    quirks: Quirks,
}

impl Chosen {
    fn new(bytes: &mut Bytes<'_>) -> Self {
        let flags = bytes.next();
        let on = |bit: u8| flags >> bit & 1 == 1;
        let (batches, construct, finalize) = (on(0), on(1), on(2));
        let mut quirks = Quirks::NONE;
        if bytes.next() >= 0xf0 {
            for (_, quirk) in Quirks::ALL {
                quirks = if bytes.flag() { quirks | quirk } else { quirks };
            }
        }
        let options = Options::new()
            .with_batches(batches)
            .with_construct(construct)
            .with_finalize(finalize)
            .with_object_mode(on(3))
            .with_auto_destroy(!on(4))
            .with_emit_close(!on(5))
            .with_refusals_fail(!on(6))
            .with_high_water_mark(bytes.one_of(&[0, 1, 2, 3, 16, u64::MAX]))
            .with_low_water_mark(bytes.one_of(&[0, 0, 1, 2, u64::MAX]))
            .with_limit(bytes.one_of(&[u64::MAX, u64::MAX, 3, 6, 0]))
            .with_quirks(quirks);
        Self {
            options,
            batches,
            construct,
            finalize,
            quirks,
        }
    }

    fn room(&self, length: u64) -> bool {
        length == 0 || length < self.options.high_water_mark()
    }
}

fn failed(state: &State) -> bool {
    state.is_destroyed() || state.errored().is_some()
}
