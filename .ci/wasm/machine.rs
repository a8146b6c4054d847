//! A stream over a sink that answers when told to. Only lengths are queued.
#![no_std]
use core::cell::RefCell;
use highwater::machine::{Effect, End, Event, Flow, Input, Measure, Options, State, Task, step};

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

const OPTIONS: Options = Options::new().with_high_water_mark(10);

struct Stream {
    state: State,
    queue: [u64; 8],
    queued: usize,
    ticks: [Option<Task>; 8],
    deferred: usize,
    drains: u32,
}

struct Alone(RefCell<Stream>);
// SAFETY: the module has one thread.
unsafe impl Sync for Alone {}

static STREAM: Alone = Alone(RefCell::new(Stream {
    state: State::new(&OPTIONS),
    queue: [0; 8],
    queued: 0,
    ticks: [None; 8],
    deferred: 0,
    drains: 0,
}));

impl Stream {
    fn put(&mut self, mut input: Input, len: u64) {
        loop {
            let head = (self.queued > 0).then(|| measure(self.queue[0]));
            let step = step(&mut self.state, &OPTIONS, head, input);
            match step.effect {
                Some(Effect::Queue) => {
                    self.queue[self.queued] = len;
                    self.queued += 1;
                }
                Some(Effect::WriteHead | Effect::RejectHead(_)) => {
                    self.queue.rotate_left(1);
                    self.queued -= 1;
                }
                Some(Effect::Defer(task)) => {
                    self.ticks[self.deferred] = Some(task);
                    self.deferred += 1;
                }
                Some(Effect::Emit(Event::Drain)) => self.drains += 1,
                Some(Effect::Destroy { error, .. }) => self.put(Input::Destroyed(error), 0),
                _ => {}
            }
            match step.then {
                Some(then) => input = Input::Resume(then),
                None => return,
            }
        }
    }
}

fn measure(len: u64) -> Measure {
    Measure {
        len,
        callback: false,
    }
}

/// 1: there is room. 0: wait. 2: refused.
#[unsafe(no_mangle)]
pub extern "C" fn write(len: u32) -> u32 {
    let stream = &mut *STREAM.0.borrow_mut();
    let chunk = measure(u64::from(len));
    let refused = stream.state.refusal(&OPTIONS, chunk).is_some();
    stream.put(Input::Write(chunk), chunk.len);
    if refused {
        2
    } else {
        u32::from(stream.state.answer(&OPTIONS) == Flow::More)
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn written() {
    STREAM.0.borrow_mut().put(
        Input::Written {
            result: Ok(()),
            again: false,
        },
        0,
    );
}

#[unsafe(no_mangle)]
pub extern "C" fn end() {
    STREAM.0.borrow_mut().put(Input::End(End::default()), 0);
}

#[unsafe(no_mangle)]
pub extern "C" fn ticks() {
    let stream = &mut *STREAM.0.borrow_mut();
    while let Some(task) = stream.ticks[0].take() {
        stream.ticks.rotate_left(1);
        stream.deferred -= 1;
        stream.put(Input::Run(task), 0);
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn length() -> u32 {
    STREAM.0.borrow().state.length() as u32
}

#[unsafe(no_mangle)]
pub extern "C" fn drains() -> u32 {
    STREAM.0.borrow().drains
}

#[unsafe(no_mangle)]
pub extern "C" fn finished() -> u32 {
    u32::from(STREAM.0.borrow().state.is_finished())
}
