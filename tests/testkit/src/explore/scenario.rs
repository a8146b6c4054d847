//! A way through the world as a scenario: the notation that `replay`
//! plays, and the real Node.

use std::collections::BTreeMap;

use highwater::machine::Event;

use super::bounds::Bounds;
use super::drive::Observer;
use super::world::{Action, Call, World};

/// The name of a point at which scenarios have reactions, and how often it was
/// hit before. `None` for 'open', which Node leaves to others.
type Hit = Option<(&'static str, usize)>;

/// Counts which call was hit how often.
#[derive(Default)]
struct Hits {
    counts: BTreeMap<&'static str, usize>,
    /// One for each call on the stack.
    stack: Vec<Hit>,
    ends: Vec<u8>,
}

impl Observer for Hits {
    fn begins(&mut self, _: &World, call: &Call) {
        let point = match call {
            Call::Write(_) | Call::Batch(_) => "w",
            Call::Construct => "con",
            Call::Final => "fin",
            Call::Destroy { .. } => "des",
            Call::Callback(id, _) if self.ends.contains(id) => "ecb",
            Call::Callback(..) => "cb",
            Call::Event(Event::Drain) => "drain",
            Call::Event(Event::Prefinish) => "prefinish",
            Call::Event(Event::Finish) => "finish",
            Call::Event(Event::Error(_)) => "error",
            Call::Event(Event::Close) => "close",
            Call::Event(Event::Open) => return self.stack.push(None),
        };
        let count = self.counts.entry(point).or_default();
        self.stack.push(Some((point, *count)));
        *count += 1;
    }

    fn ends(&mut self, id: u8, callback: bool) {
        self.ends.extend(callback.then_some(id));
    }
}

/// This way as a scenario, if it is one: the calls must be numbered, in turns,
/// and nothing may be done in 'open'. A sink of Node's reports no progress.
pub(crate) fn of(bounds: &Bounds, way: &[Action]) -> Option<String> {
    let mut world = World::new(bounds);
    let mut hits = Hits::default();
    let mut turns: Vec<Vec<String>> = vec![Vec::new()];
    let mut on: BTreeMap<&str, BTreeMap<usize, Vec<String>>> = BTreeMap::new();
    for &action in way {
        let top = world.stack.is_empty();
        match (action, op(action)) {
            (Action::Return, _) => {
                hits.stack.pop();
            }
            (Action::Progress(_), _) => return None,
            (_, None) => {}
            (_, Some(op)) if top => {
                if world.ticking {
                    turns.push(Vec::new());
                }
                turns.last_mut()?.push(op);
            }
            (_, Some(op)) => {
                let (point, count) = (*hits.stack.last()?)?;
                let reactions = on.entry(point).or_default();
                reactions.entry(count).or_default().push(op);
            }
        }
        world.act(bounds, action, &mut hits);
    }
    let on: Vec<_> = on
        .iter()
        .map(|(point, lists)| reactions(point, lists))
        .collect();
    let turns: Vec<_> = turns.iter().map(|turn| list(turn)).collect();
    Some(format!(
        r#"{{"o":{},"sink":"m","turns":[{}],"on":{{{}}}}}"#,
        options(bounds),
        turns.join(","),
        on.join(",")
    ))
}

fn op(action: Action) -> Option<String> {
    let op = match action {
        Action::Write(len) => format!("w{len}n"),
        Action::WriteWithCallback(len) => format!("w{len}o"),
        Action::Cork => "c".to_owned(),
        Action::Uncork => "u".to_owned(),
        Action::End => "e-n".to_owned(),
        Action::EndWithCallback => "e-o".to_owned(),
        Action::EndChunk(len) => format!("e{len}n"),
        Action::Destroy => "d0".to_owned(),
        Action::DestroyWithError => "d1".to_owned(),
        Action::Written => "k0".to_owned(),
        Action::WrittenError => "k1".to_owned(),
        Action::WrittenAgain => "K0".to_owned(),
        Action::Constructed => "o0".to_owned(),
        Action::ConstructedError => "o1".to_owned(),
        Action::Finalized => "f0".to_owned(),
        Action::FinalizedError => "f1".to_owned(),
        Action::DestroyAnswered => "x0".to_owned(),
        Action::DestroyAnsweredError => "x1".to_owned(),
        Action::Return | Action::RunTick | Action::Progress(_) => return None,
    };
    Some(op)
}

fn list(ops: &[String]) -> String {
    let quoted: Vec<_> = ops.iter().map(|op| format!("\"{op}\"")).collect();
    format!("[{}]", quoted.join(","))
}

fn reactions(point: &str, lists: &BTreeMap<usize, Vec<String>>) -> String {
    let most = lists.keys().max().copied().unwrap_or_default();
    let all = (0..=most).map(|count| lists.get(&count).map_or("[]".to_owned(), |ops| list(ops)));
    format!("\"{point}\":[{}]", all.collect::<Vec<_>>().join(","))
}

fn options(bounds: &Bounds) -> String {
    let options = &bounds.options;
    let hook = |there: bool| if there { "\"m\"" } else { "0" };
    format!(
        r#"{{"hwm":{},"obj":{},"ad":{},"ec":{},"v":{},"f":{},"c":{},"d":"m"}}"#,
        options.high_water_mark(),
        u8::from(options.measure(2) == 1),
        u8::from(bounds.auto_destroy),
        u8::from(options.emit_close()),
        u8::from(bounds.batches),
        hook(bounds.has_final),
        hook(bounds.has_construct),
    )
}
