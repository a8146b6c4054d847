//! Every state within bounds, and every invariant in each of them.

use std::collections::{HashMap, VecDeque};

use super::bounds::Bounds;
use super::fair::{self, Reached};
use super::notation::{action_name, text};
use super::scenario;
use super::watch::{Broken, Watched};
use super::world::Action;

/// What an exploration came to.
#[derive(Debug, Default)]
pub struct Outcome {
    pub states: usize,
    pub edges: usize,
    /// The first violation, with the actions that lead to it.
    pub broken: Option<(Broken, String)>,
}

/// Breadth first through all states of a stream that is watched. Stops at the
/// first violation (of `only` this invariant, if one is named).
pub fn safety(bounds: &Bounds, only: Option<&str>) -> (Outcome, Vec<Action>) {
    let start = Watched::new(bounds);
    let mut outcome = Outcome {
        states: 1,
        ..Outcome::default()
    };
    let mut came_by: HashMap<Watched, u32> = HashMap::from([(start.clone(), 0)]);
    let mut ways: Vec<(u32, Option<Action>)> = vec![(0, None)];
    let mut waiting = VecDeque::from([start]);
    let mut number = 0;
    while let Some(watched) = waiting.pop_front() {
        for action in watched.world.actions(bounds) {
            let mut next = watched.clone();
            let broken = next.act(bounds, action);
            outcome.edges += 1;
            let counts = |name: &&Broken| only.is_none_or(|only| only == **name);
            if let Some(&name) = broken.iter().find(counts) {
                let way = way(&ways, number, action);
                let names: Vec<_> = way.iter().map(|action| action_name(*action)).collect();
                let text = text(&next.world);
                outcome.broken = Some((name, format!("after {}\nin   {text}", names.join(", "))));
                return (outcome, way);
            }
            if (broken.is_empty() || only.is_some()) && !came_by.contains_key(&next) {
                let index = u32::try_from(ways.len()).unwrap_or(u32::MAX);
                came_by.insert(next.clone(), index);
                ways.push((number, Some(action)));
                waiting.push_back(next);
            }
        }
        number += 1;
    }
    outcome.states = ways.len();
    (outcome, Vec::new())
}

fn way(ways: &[(u32, Option<Action>)], from: u32, last: Action) -> Vec<Action> {
    let mut way = vec![last];
    let mut at = from;
    while let Some((before, Some(action))) = ways.get(at as usize) {
        way.push(*action);
        at = *before;
    }
    way.reverse();
    way
}

/// Whether what should come comes, for calls without number and number of calls.
pub fn liveness(bounds: &Bounds) -> Outcome {
    let reached = Reached::explore(bounds);
    let violated = fair::ALL.iter().find_map(|liveness| {
        let (world, _) = reached.violates(liveness)?;
        Some((
            liveness.name,
            format!("a fair world can stay in {}", text(world)),
        ))
    });
    Outcome {
        states: reached.worlds.len(),
        edges: reached.edges.iter().map(Vec::len).sum(),
        broken: violated,
    }
}

/// The shortest way to break this invariant, as a scenario.
pub fn counterexample(bounds: &Bounds, calls: u8, name: &str) -> Option<String> {
    let bounds = Bounds {
        turns: true,
        ..bounds.numbered(calls)
    };
    let way = match fair::ALL.iter().find(|liveness| liveness.name == name) {
        Some(liveness) => Reached::explore(&bounds).violates(liveness)?.1,
        None => {
            let (outcome, way) = safety(&bounds, Some(name));
            outcome.broken.map(|_| way)?
        }
    };
    scenario::of(&bounds, &way)
}
