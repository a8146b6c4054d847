//! The machine in a loop of its own, without `std` and without an allocator: texts go to a
//! serial port, a byte at each interrupt. `cargo run --example embedded` plays the device.
#![no_std]
extern crate std; // for `main` alone

use heapless::Deque;
use highwater::machine::{Effect, End, Input, Measure, Options, State, Task, step};

type Text = &'static [u8];
/// A text counts 1, and the producer waits at eight: the queue has a place for each.
const OPTIONS: Options = Options::new()
    .with_object_mode(true)
    .with_high_water_mark(8);

struct Port {
    state: State,
    queue: Deque<Text, 8>,
    ticks: Deque<Task, 8>,
    sending: Text,
}

impl Port {
    /// The driving loop: puts in an input, and carries out all that follows from it.
    fn put(&mut self, mut input: Input, text: Text) {
        loop {
            let head = self.queue.front().map(|_| Measure::default());
            let step = step(&mut self.state, &OPTIONS, head, input);
            match step.effect {
                Some(Effect::Queue) => self.queue.push_back(text).unwrap_or_default(),
                Some(Effect::WriteGiven) => self.sending = text,
                Some(Effect::WriteHead) => self.sending = self.queue.pop_front().unwrap_or(b""),
                Some(Effect::Defer(task)) => self.ticks.push_back(task).unwrap_or_default(),
                Some(Effect::Destroy { error, .. }) => self.put(Input::Destroyed(error), b""),
                _ => {} // no callbacks; `main` looks at the state instead of events
            }
            let Some(then) = step.then else { return };
            input = Input::Resume(then);
        }
    }

    /// The port can take a byte: runs what was put off, and returns the next byte.
    fn interrupt(&mut self) -> Option<u8> {
        while let Some(task) = self.ticks.pop_front() {
            self.put(Input::Run(task), b"");
        }
        let (byte, rest) = self.sending.split_first()?;
        self.sending = rest;
        if rest.is_empty() {
            let (result, again) = (Ok(()), false);
            self.put(Input::Written { result, again }, b"");
        }
        Some(*byte)
    }
}

fn main() -> std::io::Result<()> {
    let mut port = Port {
        state: State::new(&OPTIONS),
        queue: Deque::new(),
        ticks: Deque::new(),
        sending: b"",
    };
    let mut wire = std::vec::Vec::new();
    port.put(Input::Start, b"");
    let texts: [Text; 3] = [b"one\n", b"two\n", b"three\n"];
    for text in texts.into_iter().cycle().take(999) {
        port.put(Input::Write(Measure::default()), text);
        while port.state.needs_drain() {
            wire.extend(port.interrupt());
        }
    }
    port.put(Input::End(End::default()), b"");
    while !port.state.is_closed() {
        wire.extend(port.interrupt());
    }
    std::io::Write::write_all(&mut std::io::stdout(), &wire)
}
