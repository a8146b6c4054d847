//! The machine on a small device: no allocator, no threads, a serial port.
//!
//! The module [`host`] is what would run there. It uses `core` and
//! `highwater::machine` alone: a fixed ring of chunks, a fixed queue of ticks,
//! and the driving loop. The rest of this file is the bench it is tried on: it
//! plays the interrupts, writes some hundred lines, and checks what arrived.
//!
//! ```sh
//! cargo run --example embedded -- 300
//! ```

use std::io::{self, Write};
use std::process::ExitCode;

use highwater::machine::Flow;
use host::{Port, Stopped};

/// Everything in here compiles without `std` and without an allocator.
mod host {
    use core::fmt;

    use highwater::machine::{
        Effect, End, Event, Fault, Flow, Input, Measure, Options, State, Task, step,
    };

    /// How long a line can be.
    pub(crate) const LINE: usize = 32;
    /// How many lines can wait. With the mark below, and lines of at least
    /// [`SHORTEST`] bytes, a producer that waits when told to never needs more.
    const LINES: usize = 8;
    /// The length, in bytes, at which the producer waits.
    const MARK: u64 = 64;
    /// Shorter lines are refused, as they could fill the ring before the mark.
    pub(crate) const SHORTEST: usize = 8;
    /// How many ticks can wait: one for each task that can be due at one time.
    const TICKS: usize = 8;
    /// How many bytes the port's own buffer takes.
    const FIFO: usize = 4;

    const _: () = assert!(MARK as usize <= LINES * SHORTEST);

    const OPTIONS: Options = Options::new().with_high_water_mark(MARK);

    /// Why a call did nothing, or the port stopped.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Stopped {
        /// The line is shorter or longer than this device deals in.
        Size,
        /// There is no place for what should wait.
        Full,
        /// The machine's own reason.
        Fault(Fault),
    }

    impl fmt::Display for Stopped {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            match self {
                Self::Size => write!(f, "a line has {SHORTEST} to {LINE} bytes"),
                Self::Full => f.write_str("a fixed buffer is full"),
                Self::Fault(fault) => fault.fmt(f),
            }
        }
    }

    /// First in, first out, in a fixed place.
    struct Ring<T, const N: usize> {
        places: [Option<T>; N],
        first: usize,
        len: usize,
    }

    impl<T: Copy, const N: usize> Ring<T, N> {
        const fn new() -> Self {
            Self {
                places: [None; N],
                first: 0,
                len: 0,
            }
        }

        const fn is_full(&self) -> bool {
            self.len == N
        }

        /// Says whether there was a place.
        fn push(&mut self, item: T) -> bool {
            match self.places.get_mut((self.first + self.len) % N) {
                Some(place) if self.len < N => {
                    *place = Some(item);
                    self.len += 1;
                    true
                }
                _ => false,
            }
        }

        fn first(&self) -> Option<&T> {
            self.places.get(self.first)?.as_ref()
        }

        fn pop(&mut self) -> Option<T> {
            let item = self.places.get_mut(self.first)?.take()?;
            self.first = (self.first + 1) % N;
            self.len -= 1;
            Some(item)
        }
    }

    /// A line, copied: the producer may reuse its own buffer at once.
    #[derive(Clone, Copy)]
    struct Line {
        bytes: [u8; LINE],
        len: usize,
    }

    impl Line {
        fn new(text: &[u8]) -> Option<Self> {
            let mut bytes = [0; LINE];
            bytes.get_mut(..text.len())?.copy_from_slice(text);
            (text.len() >= SHORTEST).then_some(Self {
                bytes,
                len: text.len(),
            })
        }

        fn measure(&self) -> Measure {
            Measure {
                len: self.len as u64,
                callback: false,
            }
        }
    }

    /// The serial port: the line it is sending, and how far it is.
    #[derive(Default)]
    struct Uart {
        sending: Option<(Line, usize)>,
    }

    impl Uart {
        /// Fills the port's buffer through `wire`; the line is sent if true.
        fn transmit(&mut self, wire: &mut impl FnMut(u8)) -> bool {
            let Some((line, sent)) = &mut self.sending else {
                return false;
            };
            let rest = line.bytes.get(*sent..line.len).unwrap_or_default();
            for &byte in rest.iter().take(FIFO) {
                wire(byte);
                *sent += 1;
            }
            let done = *sent >= line.len;
            if done {
                self.sending = None;
            }
            done
        }
    }

    /// A writable stream over the port.
    pub(crate) struct Port {
        state: State,
        queue: Ring<Line, LINES>,
        ticks: Ring<Task, TICKS>,
        uart: Uart,
        drains: u32,
        stopped: Option<Stopped>,
    }

    impl Port {
        pub(crate) fn new() -> Self {
            let mut port = Self {
                state: State::new(&OPTIONS),
                queue: Ring::new(),
                ticks: Ring::new(),
                uart: Uart::default(),
                drains: 0,
                stopped: None,
            };
            port.put(Input::Start, None);
            port
        }

        /// After `Flow::Wait` the caller waits for one more of [`Port::drains`].
        pub(crate) fn write(&mut self, text: &[u8]) -> Result<Flow, Stopped> {
            let line = Line::new(text).ok_or(Stopped::Size)?;
            let refused = self.state.refusal(&OPTIONS, line.measure());
            // A producer that does not wait is stopped here: the machine takes
            // it that there is a place for whatever it does not refuse.
            if refused.is_none() && self.queue.is_full() {
                return Err(Stopped::Full);
            }
            self.put(Input::Write(line.measure()), Some(line));
            match refused {
                Some(fault) => Err(Stopped::Fault(fault)),
                None => Ok(self.state.answer(&OPTIONS)),
            }
        }

        pub(crate) fn end(&mut self) {
            self.put(Input::End(End::default()), None);
        }

        /// To be called when the port's buffer is empty. It only moves bytes
        /// and puts in the answer, so it is short enough for an interrupt. The
        /// main loop's own calls are then made with that interrupt off.
        pub(crate) fn interrupt(&mut self, wire: &mut impl FnMut(u8)) {
            if self.uart.transmit(wire) {
                let result = Ok(());
                self.put(
                    Input::Written {
                        result,
                        again: false,
                    },
                    None,
                );
            }
        }

        /// To be called by the main loop, when nothing of this port is running.
        pub(crate) fn run_ticks(&mut self) {
            while let Some(task) = self.ticks.pop() {
                self.put(Input::Run(task), None);
            }
        }

        /// How often 'drain' came.
        pub(crate) fn drains(&self) -> u32 {
            self.drains
        }

        /// `Ok(true)` once all is sent and the port is closed.
        pub(crate) fn is_done(&self) -> Result<bool, Stopped> {
            match self.stopped {
                Some(stopped) => Err(stopped),
                None => Ok(self.state.is_finished() && self.state.is_closed()),
            }
        }

        /// The driving loop: one input, and all that follows from it at once.
        fn put(&mut self, mut input: Input, mut given: Option<Line>) {
            loop {
                let head = self.queue.first().map(Line::measure);
                let step = step(&mut self.state, &OPTIONS, head, input);
                if let Some(effect) = step.effect {
                    self.perform(effect, &mut given);
                }
                match step.then {
                    Some(then) => input = Input::Resume(then),
                    None => return,
                }
            }
        }

        fn perform(&mut self, effect: Effect, given: &mut Option<Line>) {
            match effect {
                Effect::Queue => {
                    let kept = given.take().is_some_and(|line| self.queue.push(line));
                    self.check(kept);
                }
                Effect::WriteGiven => self.uart.sending = given.take().map(|line| (line, 0)),
                Effect::WriteHead => self.uart.sending = self.queue.pop().map(|line| (line, 0)),
                Effect::RejectHead(_) => drop(self.queue.pop()),
                // What was in flight: the port stops in the middle of it.
                Effect::RejectTaken(_) => self.uart.sending = None,
                Effect::Defer(task) => {
                    let kept = self.ticks.push(task);
                    self.check(kept);
                }
                // There is no hook to wait for: the answer is the error itself.
                Effect::Destroy { error, .. } => self.put(Input::Destroyed(error), None),
                Effect::Emit(Event::Drain) => self.drains = self.drains.wrapping_add(1),
                Effect::Emit(Event::Error(fault)) => self.stop(Stopped::Fault(fault)),
                // No callbacks, no batches, no other hooks, and no other events:
                // see the calls above, and the options.
                _ => {}
            }
        }

        /// A place that should be there by the sizes above was not: better a
        /// port that stops and says so than one that sends other than it was given.
        fn check(&mut self, kept: bool) {
            if !kept {
                self.stop(Stopped::Full);
            }
        }

        fn stop(&mut self, why: Stopped) {
            self.stopped.get_or_insert(why);
        }
    }
}

/// What came of a run.
#[derive(Default)]
struct Totals {
    waits: u32,
    drains: u32,
    interrupts: u32,
    bytes: usize,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let lines = match (arguments.next(), arguments.next()) {
        (None, _) => 300,
        (Some(text), None) => match text.parse::<u32>() {
            Ok(lines) => lines,
            Err(error) => return fail(2, &format!("lines: {text:?}: {error}")),
        },
        (_, Some(more)) => return fail(2, &format!("one argument is too many: {more:?}")),
    };
    match run(lines) {
        Ok(totals) => {
            let Totals {
                waits,
                drains,
                interrupts,
                bytes,
            } = totals;
            let text = format!(
                "lines={lines} bytes={bytes} waits={waits} drains={drains} interrupts={interrupts}"
            );
            match writeln!(io::stdout(), "{text}") {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => fail(1, &format!("standard output: {error}")),
            }
        }
        Err(error) => fail(1, &error),
    }
}

fn fail(status: u8, text: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "embedded: {text}");
    ExitCode::from(status)
}

/// Writes the lines and checks what came over the wire.
fn run(lines: u32) -> Result<Totals, String> {
    let mut port = Port::new();
    let mut wire = Vec::new();
    let mut expected = Vec::new();
    let mut totals = Totals::default();

    for n in 1..=lines {
        let text = line(n);
        expected.extend_from_slice(text.as_bytes());
        if port.write(text.as_bytes()).map_err(say)? == Flow::More {
            continue;
        }
        totals.waits += 1;
        let before = port.drains();
        until(&mut port, &mut wire, &mut totals, |port| {
            Ok(port.drains() != before)
        })?;
    }
    port.end();
    until(&mut port, &mut wire, &mut totals, |port| port.is_done())?;

    totals.drains = port.drains();
    totals.bytes = wire.len();
    if wire != expected {
        let same = wire.iter().zip(&expected).take_while(|(a, b)| a == b);
        return Err(format!("other bytes arrived, from {} on", same.count()));
    }
    if totals.waits != totals.drains {
        return Err(format!(
            "{} waits, but {} drains",
            totals.waits, totals.drains
        ));
    }
    Ok(totals)
}

/// Interrupts and ticks until it is so. Where neither can bring it about any
/// more, that is an error and not an endless loop.
fn until(
    port: &mut Port,
    wire: &mut Vec<u8>,
    totals: &mut Totals,
    so: impl Fn(&Port) -> Result<bool, Stopped>,
) -> Result<(), String> {
    const ENOUGH: u32 = 1000;
    for _ in 0..ENOUGH {
        port.run_ticks();
        if so(port).map_err(say)? {
            return Ok(());
        }
        port.interrupt(&mut |byte| wire.push(byte));
        totals.interrupts += 1;
    }
    Err("the port stands still".to_owned())
}

/// Lines of different lengths, none shorter or longer than the device's.
fn line(n: u32) -> String {
    let dots = ".".repeat(n as usize % 13);
    format!("{n:07} {dots}\n")
}

fn say(stopped: Stopped) -> String {
    stopped.to_string()
}
