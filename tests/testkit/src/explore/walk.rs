//! The real `Driver` takes every edge of a state graph: for each edge it is led there from the
//! start, call by call, and at each call it must be where the graph is.
//!
//! The [`World`] goes ahead, up to the next outward call. The driver follows: its host checks
//! that it is this call, that the state is the same and that the same calls are on the
//! stack. Then it does what the way says, from within the call.

use std::collections::{HashSet, VecDeque};

use highwater::machine::{Event, Fault};
use highwater::{Driver, Host};

use super::bounds::Bounds;
use super::world::{Action, Call, E_CONSTRUCT, E_DESTROY, E_FINAL, E_SINK, E_USER, World};

/// A host that goes where the way leads.
struct Follower<'a> {
    bounds: &'a Bounds,
    world: World,
    way: VecDeque<Action>,
    /// How many outward calls the driver is in.
    depth: usize,
    /// The way has ended, or the driver has left it.
    over: bool,
    wrong: Option<String>,
}

type Stream<'a> = Driver<Follower<'a>>;

impl Follower<'_> {
    fn fail(&mut self, what: String) {
        self.over = true;
        self.wrong.get_or_insert(what);
    }
}

/// The driver must be where the world is.
fn compare(stream: &mut Stream<'_>) {
    let state = *stream.state();
    let host = stream.host_mut();
    if host.over {
        return;
    }
    if state != host.world.state {
        let world = host.world.state;
        host.fail(format!("the state is {state:?}, and should be {world:?}"));
    } else if host.world.depth() != host.depth {
        let (depth, world) = (host.depth, host.world.depth());
        host.fail(format!("{depth} calls are on the stack instead of {world}"));
    }
}

/// The driver calls out: it must be the call that the world is in.
fn called(stream: &mut Stream<'_>, what: &str, is: impl Fn(&Call) -> bool) {
    let host = stream.host_mut();
    if host.over {
        return;
    }
    host.depth += 1;
    match host.world.stack.last() {
        Some(frame) if is(&frame.call) => compare(stream),
        frame => {
            let call = frame.map(|frame| frame.call.clone());
            host.fail(format!("{what} is called instead of {call:?}"));
        }
    }
    follow(stream);
    stream.host_mut().depth -= 1;
}

/// Goes on with the way, up to the return of the call that the driver is in.
fn follow(stream: &mut Stream<'_>) {
    loop {
        let host = stream.host_mut();
        let next = if host.over {
            None
        } else {
            host.way.pop_front()
        };
        let Some(action) = next else {
            host.over = true;
            return;
        };
        let bounds = host.bounds;
        host.world.act(bounds, action, &mut ());
        if action == Action::Return {
            return;
        }
        act(stream, action);
        compare(stream);
    }
}

fn act(stream: &mut Stream<'_>, action: Action) {
    match action {
        Action::Write(len) => drop(stream.write((), len, None)),
        Action::WriteWithCallback(len) => drop(stream.write((), len, Some(()))),
        Action::Cork => stream.cork(),
        Action::Uncork => stream.uncork(),
        Action::End => drop(stream.end(None, None)),
        Action::EndWithCallback => drop(stream.end(None, Some(()))),
        Action::EndChunk(len) => drop(stream.end(Some(((), len)), None)),
        Action::Destroy => stream.destroy(None),
        Action::DestroyWithError => stream.destroy(Some(E_USER)),
        Action::Written => stream.written(Ok(())),
        Action::WrittenError => stream.written(Err(E_SINK)),
        Action::WrittenAgain => stream.written_again(Ok(())),
        Action::Progress(part) => stream.progressed(part),
        Action::Constructed => stream.constructed(Ok(())),
        Action::ConstructedError => stream.constructed(Err(E_CONSTRUCT)),
        Action::Finalized => stream.finalized(Ok(())),
        Action::FinalizedError => stream.finalized(Err(E_FINAL)),
        Action::DestroyAnswered => stream.destroyed(None),
        Action::DestroyAnsweredError => stream.destroyed(Some(E_DESTROY)),
        Action::RunTick => {
            if !stream.run_tick() {
                stream.host_mut().fail("there is no tick to run".to_owned());
            }
        }
        Action::Return => {}
    }
}

impl Host for Follower<'_> {
    type Chunk = ();
    type Callback = ();

    fn write(stream: &mut Driver<Self>, (): ()) {
        called(stream, "write", |call| matches!(call, Call::Write(_)));
    }

    fn write_batch(stream: &mut Driver<Self>, chunks: Vec<()>) {
        let count = chunks.len();
        called(
            stream,
            "write_batch",
            |call| matches!(call, Call::Batch(ids) if ids.len() == count),
        );
    }

    fn event(stream: &mut Driver<Self>, event: Event) {
        called(stream, "event", |call| *call == Call::Event(event));
    }

    fn callback(stream: &mut Driver<Self>, (): (), result: Result<(), Fault>) {
        called(
            stream,
            "callback",
            |call| matches!(call, Call::Callback(_, told) if *told == result),
        );
    }

    fn construct(stream: &mut Driver<Self>) {
        called(stream, "construct", |call| *call == Call::Construct);
    }

    fn finalize(stream: &mut Driver<Self>) {
        called(stream, "finalize", |call| *call == Call::Final);
    }

    fn destroy(stream: &mut Driver<Self>, error: Option<Fault>, construct: Option<Fault>) {
        let wanted = Call::Destroy {
            error: error.or(construct),
            construct_failed: construct.is_some(),
        };
        called(stream, "destroy", |call| *call == wanted);
    }
}

/// Leads a driver along this way.
fn walk(bounds: &Bounds, way: &[Action]) -> Result<(), String> {
    let follower = Follower {
        bounds,
        world: World::new(bounds),
        way: way.iter().copied().collect(),
        depth: 0,
        over: false,
        wrong: None,
    };
    let mut stream = Driver::new(bounds.options, follower);
    compare(&mut stream);
    follow(&mut stream);
    match stream.into_host() {
        Follower {
            wrong: Some(wrong), ..
        } => Err(format!("on the way {way:?}: {wrong}")),
        Follower { way, .. } if !way.is_empty() => {
            Err(format!("the driver does not go on with {way:?}"))
        }
        _ => Ok(()),
    }
}

/// Leads a driver to each edge within these bounds, and over it. Returns how many there are.
///
/// # Errors
///
/// The first way on which the driver is not where the graph is.
pub fn every_edge(bounds: &Bounds) -> Result<usize, String> {
    let start = World::new(bounds);
    let mut seen = HashSet::from([start.clone()]);
    let mut waiting = VecDeque::from([(start, Vec::new())]);
    let mut edges = 0;
    while let Some((world, way)) = waiting.pop_front() {
        for action in world.actions(bounds) {
            let mut next = world.clone();
            next.act(bounds, action, &mut ());
            let mut longer = way.clone();
            longer.push(action);
            walk(bounds, &longer)?;
            edges += 1;
            if seen.insert(next.clone()) {
                waiting.push_back((next, longer));
            }
        }
    }
    Ok(edges)
}
