//! The streams of a QuickJS context: one driver each, and the FIFO of ticks that they share.
//!
//! Chunks and callbacks are values of JavaScript, and the drivers hold them: each is let go
//! when its write is over. Errors have numbers in the machine; a stream keeps its own.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::mem;
use std::rc::Rc;

use highwater::machine::{ErrorId, Event, Fault, Flow, Options, Quirks};
use highwater::{Driver, Host};
use rquickjs::convert::List;
use rquickjs::function::Rest;
use rquickjs::{Ctx, Function, IntoJs, Value};

/// What waits for the call stack to unwind.
enum Tick<'js> {
    /// The first tick of this stream.
    Stream(usize),
    /// A function of the program.
    Call(Function<'js>),
}

/// All streams of a context.
#[derive(Default)]
pub(crate) struct World<'js> {
    /// A driver is taken out while it acts, and put back while it calls JavaScript.
    streams: RefCell<Vec<Option<Stream<'js>>>>,
    ticks: RefCell<VecDeque<Tick<'js>>>,
    immediates: RefCell<VecDeque<Function<'js>>>,
    /// `outward(what, stream, ...values)` of `writable.js`.
    outward: RefCell<Option<Function<'js>>>,
    /// What JavaScript threw where nothing catches it.
    thrown: Cell<Option<rquickjs::Error>>,
}

/// The outside of one stream.
pub(crate) struct Outside<'js> {
    index: usize,
    world: Rc<World<'js>>,
    /// The errors of the program, by their numbers.
    errors: Vec<Value<'js>>,
}

type Stream<'js> = Driver<Outside<'js>>;

impl<'js> World<'js> {
    /// Gives JavaScript the function `native`.
    pub(crate) fn install(ctx: &Ctx<'js>) -> rquickjs::Result<Rc<Self>> {
        let world = Rc::new(Self::default());
        let to = Rc::clone(&world);
        let native = move |ctx: Ctx<'js>, what: String, index, number, first, second| {
            inward(&to, &ctx, (&what, index, number), first, second)
        };
        ctx.globals()
            .set("native", Function::new(ctx.clone(), native)?)?;
        Ok(world)
    }

    /// Drops all that refers to JavaScript.
    pub(crate) fn clear(&self) {
        self.forget_streams();
        self.outward.take();
    }

    pub(crate) fn forget_streams(&self) {
        self.streams.take();
        self.ticks.take();
        self.immediates.take();
    }

    /// Runs macrotasks, and all ticks after each, until nothing is left.
    pub(crate) fn run(&self) -> rquickjs::Result<()> {
        while let Some(first) = pop(&self.immediates) {
            self.keep(first.call(()));
            while let Some(tick) = pop(&self.ticks) {
                match tick {
                    Tick::Stream(index) => drop(self.with(index, Driver::run_tick)),
                    Tick::Call(function) => self.keep(function.call(())),
                }
            }
            self.thrown.take().map_or(Ok(()), Err)?;
        }
        Ok(())
    }

    fn keep(&self, result: rquickjs::Result<()>) {
        if let Err(error) = result {
            self.thrown.set(Some(error));
        }
    }

    fn create(self: &Rc<Self>, options: Options) -> usize {
        let index = self.streams.borrow().len();
        let stream = Driver::new(options, Outside::new(index, self));
        self.streams.borrow_mut().push(Some(stream));
        index
    }

    fn put(&self, index: usize, stream: Option<Stream<'js>>) {
        if let Some(slot) = self.streams.borrow_mut().get_mut(index) {
            *slot = stream;
        }
    }

    fn take(&self, index: usize) -> Option<Stream<'js>> {
        self.streams.borrow_mut().get_mut(index)?.take()
    }

    /// Lets a stream act. `None` if there is no such stream.
    fn with<R>(&self, index: usize, act: impl FnOnce(&mut Stream<'js>) -> R) -> Option<R> {
        let mut stream = self.take(index)?;
        let result = act(&mut stream);
        self.put(index, Some(stream));
        Some(result)
    }
}

/// The first of a queue, which is free again when it is called.
fn pop<T>(queue: &RefCell<VecDeque<T>>) -> Option<T> {
    queue.borrow_mut().pop_front()
}

impl<'js> Outside<'js> {
    fn new(index: usize, world: &Rc<World<'js>>) -> Self {
        Self {
            index,
            world: Rc::clone(world),
            errors: Vec::new(),
        }
    }

    /// The fault of an error of the program: none for null and undefined.
    fn fault(&mut self, error: Value<'js>) -> Option<Fault> {
        let error = some(error)?;
        let known = self.errors.iter().position(|known| *known == error);
        let id = known.unwrap_or(self.errors.len());
        if known.is_none() {
            self.errors.push(error);
        }
        Some(Fault::Caller(ErrorId(id as u32)))
    }

    /// An error of the program, or the code of one of the machine's.
    fn error(&self, fault: Option<Fault>) -> Option<Value<'js>> {
        match fault? {
            Fault::Caller(ErrorId(id)) => self.errors.get(id as usize).cloned(),
            own => {
                let outward = self.world.outward.borrow();
                own.code().into_js(outward.as_ref()?.ctx()).ok()
            }
        }
    }
}

/// Puts the driver where calls from JavaScript find it, and calls out. A stand-in takes its
/// place on the call stack meanwhile.
fn outward<'js>(stream: &mut Stream<'js>, what: &str, values: Vec<Option<Value<'js>>>) {
    let (index, world) = (stream.host().index, Rc::clone(&stream.host().world));
    let stand_in = Driver::new(Options::new(), Outside::new(usize::MAX, &world));
    let itself = mem::replace(stream, stand_in);
    world.put(index, Some(itself));
    let call = world.outward.borrow().clone();
    if let Some(call) = call {
        world.keep(call.call((what, index as u32, Rest(values))));
    }
    if let Some(back) = world.take(index) {
        *stream = back;
    }
}

impl<'js> Host for Outside<'js> {
    type Chunk = Value<'js>;
    type Callback = Value<'js>;

    fn write(stream: &mut Driver<Self>, chunk: Value<'js>) {
        outward(stream, "write", vec![Some(chunk)]);
    }

    fn write_batch(stream: &mut Driver<Self>, chunks: Vec<Value<'js>>) {
        outward(stream, "writev", chunks.into_iter().map(Some).collect());
    }

    fn event(stream: &mut Driver<Self>, event: Event) {
        let (name, fault) = match event {
            Event::Open => return,
            Event::Drain => ("drain", None),
            Event::Prefinish => ("prefinish", None),
            Event::Finish => ("finish", None),
            Event::Error(fault) => ("error", Some(fault)),
            Event::Close => ("close", None),
        };
        outward(stream, name, vec![stream.host().error(fault)]);
    }

    fn callback(stream: &mut Driver<Self>, callback: Value<'js>, result: Result<(), Fault>) {
        let error = stream.host().error(result.err());
        outward(stream, "callback", vec![Some(callback), error]);
    }

    fn construct(stream: &mut Driver<Self>) {
        outward(stream, "construct", Vec::new());
    }

    fn finalize(stream: &mut Driver<Self>) {
        outward(stream, "final", Vec::new());
    }

    fn destroy(stream: &mut Driver<Self>, error: Option<Fault>, construct: Option<Fault>) {
        let errors = [error, construct].map(|fault| stream.host().error(fault));
        outward(stream, "destroy", errors.into());
    }

    fn deferred(&mut self) {
        push(&self.world.ticks, Tick::Stream(self.index));
    }

    fn same_callback(waiting: &Value<'js>, new: &Value<'js>) -> bool {
        waiting == new
    }
}

/// A chunk or a callback, if there is one.
fn some(value: Value<'_>) -> Option<Value<'_>> {
    (!value.is_null() && !value.is_undefined()).then_some(value)
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

/// The properties of a stream: bits of those that are true or false, length, corks, error.
fn look<'js>(stream: &Stream<'js>) -> List<(u32, f64, u32, Option<Value<'js>>)> {
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
    let bits = (0..).zip(bits).map(|(bit, on)| u32::from(on) << bit);
    let error = stream.host().error(state.errored());
    List((bits.sum(), state.length() as f64, state.corked(), error))
}

/// Puts in a call or an answer that has no chunk.
fn put<'js>(stream: &mut Stream<'js>, what: &str, error: Value<'js>) {
    let fault = stream.host_mut().fault(error);
    let result = fault.map_or(Ok(()), Err);
    match what {
        "cork" => stream.cork(),
        "uncork" => stream.uncork(),
        "destroy" => stream.destroy(fault),
        "written" => stream.written(result),
        "written again" => stream.written_again(result),
        "constructed" => stream.constructed(result),
        "final" => stream.finalized(result),
        "destroyed" => stream.destroyed(fault),
        _ => {}
    }
}

/// What JavaScript calls: `native(what, stream, number, first, second)`.
fn inward<'js>(
    world: &Rc<World<'js>>,
    ctx: &Ctx<'js>,
    (what, index, number): (&str, u32, f64),
    first: Value<'js>,
    second: Value<'js>,
) -> rquickjs::Result<Value<'js>> {
    let (at, length) = (index as usize, number as u64);
    let act = |stream: &mut Stream<'js>| match what {
        "look" => look(stream).into_js(ctx),
        "write" => {
            let answer = stream.write(first.clone(), length, some(second));
            matches!(answer, Ok(Flow::More)).into_js(ctx)
        }
        "end" => {
            let chunk = some(first.clone()).map(|chunk| (chunk, length));
            stream.end(chunk, some(second)).is_ok().into_js(ctx)
        }
        _ => ().into_js(ctx).inspect(|_| put(stream, what, first.clone())),
    };
    match what {
        "create" => world.create(options(index, number)).into_js(ctx),
        "outward" => world.outward.replace(Some(first.get()?)).into_js(ctx),
        "tick" => push(&world.ticks, Tick::Call(first.get()?)).into_js(ctx),
        "immediate" => push(&world.immediates, first.get()?).into_js(ctx),
        _ => world.with(at, act).unwrap_or_else(|| ().into_js(ctx)),
    }
}

/// Appends to a queue. Returns how many wait before it.
fn push<T>(queue: &RefCell<VecDeque<T>>, last: T) -> usize {
    let mut queue = queue.borrow_mut();
    queue.push_back(last);
    queue.len() - 1
}
