//! The streams of a QuickJS context: one driver each, and the FIFO of ticks that they share.
//!
//! Chunks, callbacks and errors are values of JavaScript. They stay there, in tables of
//! `writable.js`; the driver gets their numbers.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::mem;
use std::rc::Rc;

use highwater::machine::{ErrorId, Event, Fault, Flow, Options, Quirks};
use highwater::{Driver, Host};
use rquickjs::{Ctx, Function, Object};

/// What `native.write` returns for a chunk that the stream has not accepted.
const REFUSED: u32 = 2;

/// The number of a chunk, a callback or a function. 0 is none.
type Number = u32;

/// What waits for the call stack to unwind.
enum Tick {
    /// The first tick of this stream.
    Stream(usize),
    /// A function of the program.
    Call(Number),
}

/// All streams of a context.
pub(crate) struct World<'js> {
    /// A driver is taken out while it acts, and put back while it calls JavaScript.
    streams: RefCell<Vec<Option<Stream<'js>>>>,
    ticks: RefCell<VecDeque<Tick>>,
    immediates: RefCell<VecDeque<Number>>,
    /// `outward(what, stream, ...numbers)` of `writable.js`.
    outward: RefCell<Option<Function<'js>>>,
    /// What `outward` threw where nothing catches it.
    thrown: Cell<Option<rquickjs::Error>>,
}

/// The outside of one stream.
pub(crate) struct Outside<'js> {
    index: usize,
    world: Rc<World<'js>>,
}

type Stream<'js> = Driver<Outside<'js>>;

impl<'js> World<'js> {
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self {
            streams: RefCell::default(),
            ticks: RefCell::default(),
            immediates: RefCell::default(),
            outward: RefCell::default(),
            thrown: Cell::new(None),
        })
    }

    /// Drops all that refers to JavaScript.
    pub(crate) fn clear(&self) {
        self.forget_streams();
        self.outward.take();
    }

    pub(crate) fn forget_streams(&self) {
        let streams = self.streams.take();
        drop(streams);
        self.ticks.borrow_mut().clear();
    }

    /// Runs macrotasks, and all ticks after each, until nothing is left.
    pub(crate) fn run(&self) -> rquickjs::Result<()> {
        loop {
            let Some(number) = self.immediates.borrow_mut().pop_front() else {
                return Ok(());
            };
            self.call("call", 0, (number, 0, 0));
            while let Some(tick) = self.next_tick() {
                match tick {
                    Tick::Stream(index) => {
                        self.with(index, Driver::run_tick);
                    }
                    Tick::Call(number) => self.call("call", 0, (number, 0, 0)),
                }
            }
            if let Some(error) = self.thrown.take() {
                return Err(error);
            }
        }
    }

    fn next_tick(&self) -> Option<Tick> {
        self.ticks.borrow_mut().pop_front()
    }

    fn create(self: &Rc<Self>, options: Options) -> usize {
        let index = self.streams.borrow().len();
        self.streams.borrow_mut().push(None);
        let world = Rc::clone(self);
        let stream = Driver::new(options, Outside { index, world });
        self.put(index, Some(stream));
        index
    }

    fn put(&self, index: usize, stream: Option<Stream<'js>>) {
        if let Some(slot) = self.streams.borrow_mut().get_mut(index) {
            *slot = stream;
        }
    }

    /// Lets a stream act. `None` if there is no such stream.
    fn with<R>(&self, index: usize, act: impl FnOnce(&mut Stream<'js>) -> R) -> Option<R> {
        let mut stream = self.streams.borrow_mut().get_mut(index)?.take()?;
        let result = act(&mut stream);
        self.put(index, Some(stream));
        Some(result)
    }

    fn call(&self, what: &str, index: usize, (a, b, c): (u32, u32, u32)) {
        let outward = self.outward.borrow().clone();
        let Some(outward) = outward else { return };
        if let Err(error) = outward.call::<_, ()>((what, index as u32, a, b, c)) {
            self.thrown.set(Some(error));
        }
    }
}

/// Puts the driver where calls from JavaScript find it, and calls out. A stand-in takes its
/// place on the call stack meanwhile.
fn outward<'js>(stream: &mut Stream<'js>, what: &str, numbers: (u32, u32, u32)) {
    let (index, world) = (stream.host().index, Rc::clone(&stream.host().world));
    let stand_in = Outside {
        index: usize::MAX,
        world: Rc::clone(&world),
    };
    let itself = mem::replace(stream, Driver::new(Options::new(), stand_in));
    world.put(index, Some(itself));
    world.call(what, index, numbers);
    let back = world
        .streams
        .borrow_mut()
        .get_mut(index)
        .and_then(Option::take);
    if let Some(back) = back {
        *stream = back;
    }
}

impl<'js> Host for Outside<'js> {
    type Chunk = Number;
    type Callback = Number;

    fn write(stream: &mut Driver<Self>, chunk: Number) {
        outward(stream, "write", (chunk, 0, 0));
    }

    /// The numbers of the chunks follow one another: they were accepted in that order, and
    /// nothing else is numbered so.
    fn write_batch(stream: &mut Driver<Self>, chunks: Vec<Number>) {
        for chunk in &chunks {
            outward(stream, "collect", (*chunk, 0, 0));
        }
        outward(stream, "writev", (chunks.len() as u32, 0, 0));
    }

    fn event(stream: &mut Driver<Self>, event: Event) {
        match event {
            Event::Open => {}
            Event::Drain => outward(stream, "drain", (0, 0, 0)),
            Event::Prefinish => outward(stream, "prefinish", (0, 0, 0)),
            Event::Finish => outward(stream, "finish", (0, 0, 0)),
            Event::Error(fault) => outward(stream, "error", (number(Some(fault)), 0, 0)),
            Event::Close => outward(stream, "close", (0, 0, 0)),
        }
    }

    fn callback(stream: &mut Driver<Self>, callback: Number, result: Result<(), Fault>) {
        outward(stream, "callback", (callback, number(result.err()), 0));
    }

    fn unsent(stream: &mut Driver<Self>, chunk: Number) {
        outward(stream, "unsent", (chunk, 0, 0));
    }

    fn construct(stream: &mut Driver<Self>) {
        outward(stream, "construct", (0, 0, 0));
    }

    fn finalize(stream: &mut Driver<Self>) {
        outward(stream, "final", (0, 0, 0));
    }

    fn destroy(stream: &mut Driver<Self>, error: Option<Fault>, construct: Option<Fault>) {
        outward(stream, "destroy", (number(error), number(construct), 0));
    }

    fn deferred(&mut self) {
        self.world
            .ticks
            .borrow_mut()
            .push_back(Tick::Stream(self.index));
    }

    /// A function has one number, so the same callback is the same number.
    fn same_callback(waiting: &Number, new: &Number) -> bool {
        waiting == new
    }
}

/// Faults as numbers: 0 none, 1 to 6 the machine's own, from 7 on errors of the program.
fn number(fault: Option<Fault>) -> u32 {
    match fault {
        None => 0,
        Some(Fault::WriteAfterEnd) => 1,
        Some(Fault::Destroyed) => 2,
        Some(Fault::AlreadyFinished) => 3,
        Some(Fault::MultipleCallback) => 4,
        Some(Fault::TooLong) => 5,
        Some(Fault::NotImplemented) => 6,
        Some(Fault::Caller(ErrorId(id))) => id.saturating_add(7),
    }
}

/// The program names only errors of its own.
fn fault(number: u32) -> Option<Fault> {
    number.checked_sub(7).map(|id| Fault::Caller(ErrorId(id)))
}

fn result(number: u32) -> Result<(), Fault> {
    fault(number).map_or(Ok(()), Err)
}

/// A callback, if there is one.
fn some(number: Number) -> Option<Number> {
    (number != 0).then_some(number)
}

/// Bits: 0 `_writev`, 1 `_final`, 2 `_construct`, 3 objects, 4 autoDestroy, 5 emitClose,
/// 6 Node's quirks.
fn options(bits: u32, mark: f64) -> Options {
    let on = |bit: u32| bits >> bit & 1 != 0;
    Options::new()
        .with_high_water_mark(mark as u64)
        .with_batches(on(0))
        .with_finalize(on(1))
        .with_construct(on(2))
        .with_object_mode(on(3))
        .with_auto_destroy(on(4))
        .with_emit_close(on(5))
        .with_quirks(if on(6) { Quirks::NODE } else { Quirks::NONE })
}

/// The properties of a stream, and the number of its error.
fn properties(stream: &Stream<'_>) -> (u32, f64, u32, u32) {
    let state = stream.state();
    let bits = [
        state.is_writable(),
        state.is_ended(),
        state.is_finished(),
        state.needs_drain(),
        state.is_destroyed(),
        state.is_closed(),
        state.is_aborted(),
    ];
    let bits = bits
        .iter()
        .rev()
        .fold(0, |sum, on| sum << 1 | u32::from(*on));
    let length = state.length() as f64;
    (bits, length, state.corked(), number(state.errored()))
}

impl<'js> World<'js> {
    /// Gives JavaScript the functions that it calls: the object `native`.
    pub(crate) fn install(self: &Rc<Self>, ctx: &Ctx<'js>) -> rquickjs::Result<()> {
        let native = Object::new(ctx.clone())?;
        let world = Rc::clone(self);
        let create = move |bits: u32, mark: f64| world.create(options(bits, mark)) as u32;
        native.set("create", Function::new(ctx.clone(), create)?)?;
        let world = Rc::clone(self);
        let write = move |index: u32, chunk: u32, len: f64, callback: u32| {
            world.with(index as usize, |stream| {
                match stream.write(chunk, len as u64, some(callback)) {
                    Ok(Flow::More) => 1,
                    Ok(Flow::Wait) => 0,
                    Err(_) => REFUSED,
                }
            })
        };
        native.set("write", Function::new(ctx.clone(), write)?)?;
        let world = Rc::clone(self);
        let end = move |index: u32, chunk: u32, len: f64, callback: u32| {
            world.with(index as usize, |stream| {
                let chunk = some(chunk).map(|chunk| (chunk, len as u64));
                stream.end(chunk, some(callback)).is_ok()
            })
        };
        native.set("end", Function::new(ctx.clone(), end)?)?;
        let world = Rc::clone(self);
        let put = move |index: u32, what: String, number: u32| {
            world.with(index as usize, |stream| put(stream, &what, number))
        };
        native.set("put", Function::new(ctx.clone(), put)?)?;
        let world = Rc::clone(self);
        let look = move |index: u32| {
            let found = world.with(index as usize, |stream| properties(stream));
            found.map(|(bits, length, corked, errored)| {
                vec![
                    f64::from(bits),
                    length,
                    f64::from(corked),
                    f64::from(errored),
                ]
            })
        };
        native.set("look", Function::new(ctx.clone(), look)?)?;
        self.install_loop(ctx, &native)?;
        ctx.globals().set("native", native)
    }

    fn install_loop(self: &Rc<Self>, ctx: &Ctx<'js>, native: &Object<'js>) -> rquickjs::Result<()> {
        let world = Rc::clone(self);
        let tick = move |number: u32| world.ticks.borrow_mut().push_back(Tick::Call(number));
        native.set("tick", Function::new(ctx.clone(), tick)?)?;
        let world = Rc::clone(self);
        let immediate = move |number: u32| world.immediates.borrow_mut().push_back(number);
        native.set("immediate", Function::new(ctx.clone(), immediate)?)?;
        let world = Rc::clone(self);
        let outward = move |function: Function<'js>| {
            world.outward.replace(Some(function));
        };
        native.set("outward", Function::new(ctx.clone(), outward)?)
    }
}

/// Puts in a call or an answer that has no chunk.
fn put(stream: &mut Stream<'_>, what: &str, number: u32) {
    match what {
        "cork" => stream.cork(),
        "uncork" => stream.uncork(),
        "destroy" => stream.destroy(fault(number)),
        "written" => stream.written(result(number)),
        "written again" => stream.written_again(result(number)),
        "constructed" => stream.constructed(result(number)),
        "final" => stream.finalized(result(number)),
        "destroyed" => stream.destroyed(fault(number)),
        _ => {}
    }
}
