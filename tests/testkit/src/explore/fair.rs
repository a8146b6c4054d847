//! Liveness: whether what should come always comes, if the world is fair.
//!
//! A stream could fail to get somewhere only by going round for ever, or by
//! standing still. So: among the states in which what should come has not come,
//! is there a strongly connected set of states in which a fair world can stay?

use std::collections::HashMap;

use super::bounds::Bounds;
use super::world::{Action, World};

/// What a fair world does again and again if it can (strong fairness): calls
/// return, ticks run, the sink and the hooks answer. Corks are taken back too.
const FAIR: [&[Action]; 6] = [
    &[Action::Return],
    &[Action::RunTick],
    &[Action::Written, Action::WrittenError],
    &[Action::Constructed, Action::ConstructedError],
    &[Action::Finalized, Action::FinalizedError],
    &[Action::DestroyAnswered, Action::DestroyAnsweredError],
];

/// From a state in which `asked` holds, one in which `came` holds is reached.
pub struct Liveness {
    pub name: &'static str,
    pub asked: fn(&World) -> bool,
    pub came: fn(&World) -> bool,
}

pub const ALL: [Liveness; 3] = [
    Liveness {
        name: "WaitIsAnswered",
        asked: |world| world.state.needs_drain(),
        came: |world| !world.state.needs_drain() || failed(world),
    },
    Liveness {
        name: "EndResolves",
        asked: |world| world.state.is_ended(),
        came: |world| is(world, "ending: Told") || failed(world),
    },
    Liveness {
        name: "DestroyCloses",
        asked: |world| world.state.is_destroyed(),
        came: |world| is(world, "teardown: Told"),
    },
];

/// Some of the state is private, but `Debug` shows it.
fn is(world: &World, what: &str) -> bool {
    format!("{:?}", world.state).contains(what)
}

fn failed(world: &World) -> bool {
    world.state.is_destroyed() || world.state.errored().is_some()
}

/// The states that were reached, with what the world can do in each.
pub struct Reached {
    pub worlds: Vec<World>,
    pub edges: Vec<Vec<(Action, u32)>>,
    /// From where each was first reached, and how.
    came_by: Vec<Option<(u32, Action)>>,
}

impl Reached {
    /// All states within these bounds. Writers that have to wait do wait:
    /// otherwise a queue need never be empty.
    pub fn explore(bounds: &Bounds) -> Self {
        let start = World::new(bounds);
        let mut numbers = HashMap::from([(start.clone(), 0)]);
        let mut reached = Self {
            worlds: vec![start],
            edges: Vec::new(),
            came_by: vec![None],
        };
        while let Some(world) = reached.worlds.get(reached.edges.len()).cloned() {
            let mut edges = Vec::new();
            for action in world.actions(bounds) {
                if writes(action) && world.state.needs_drain() {
                    continue;
                }
                let mut next = world.clone();
                next.act(bounds, action, &mut ());
                let number = *numbers.entry(next).or_insert_with_key(|next| {
                    let from = u32::try_from(reached.edges.len()).unwrap_or(u32::MAX);
                    reached.came_by.push(Some((from, action)));
                    reached.worlds.push(next.clone());
                    u32::try_from(reached.worlds.len() - 1).unwrap_or(u32::MAX)
                });
                edges.push((action, number));
            }
            reached.edges.push(edges);
        }
        reached
    }

    /// A state in which a fair world can stay although something should come,
    /// and the way there.
    pub fn violates(&self, liveness: &Liveness) -> Option<(&World, Vec<Action>)> {
        let all = 0..self.worlds.len();
        let missing: Vec<_> = all.filter(|&n| !(liveness.came)(&self.worlds[n])).collect();
        let asked = missing
            .iter()
            .filter(|&&n| (liveness.asked)(&self.worlds[n]));
        let inside = self.reachable(asked.copied().collect(), &missing);
        let first = self.fair_set(inside)?.into_iter().min()?;
        Some((self.worlds.get(first)?, self.way(first)))
    }

    fn way(&self, to: usize) -> Vec<Action> {
        let mut way = Vec::new();
        let mut at = to;
        while let Some(&Some((from, action))) = self.came_by.get(at) {
            way.push(action);
            at = from as usize;
        }
        way.reverse();
        way
    }

    /// What can be reached from `from` without leaving `within`.
    fn reachable(&self, mut from: Vec<usize>, within: &[usize]) -> Vec<usize> {
        let mut open = vec![false; self.worlds.len()];
        within.iter().for_each(|&n| open[n] = true);
        let mut found = Vec::new();
        from.retain(|&n| std::mem::take(&mut open[n]));
        while let Some(n) = from.pop() {
            found.push(n);
            for &(_, to) in &self.edges[n] {
                if std::mem::take(&mut open[to as usize]) {
                    from.push(to as usize);
                }
            }
        }
        found
    }

    /// A strongly connected set within these states in which a fair world can stay.
    fn fair_set(&self, states: Vec<usize>) -> Option<Vec<usize>> {
        let mut waiting = vec![states];
        while let Some(states) = waiting.pop() {
            for set in self.connected(&states) {
                match self.unfair(&set) {
                    None => return Some(set),
                    // It can stay only where that is not possible.
                    Some(rest) if !rest.is_empty() => waiting.push(rest),
                    Some(_) => {}
                }
            }
        }
        None
    }

    /// `None` if a fair world can stay here for ever; else the states that
    /// remain when those are left out in which it would have to do something
    /// that leads out.
    fn unfair(&self, set: &[usize]) -> Option<Vec<usize>> {
        let inside: std::collections::HashSet<_> = set.iter().copied().collect();
        for actions in FAIR {
            let can = |n: usize| {
                self.edges[n]
                    .iter()
                    .any(|(action, _)| actions.contains(action))
            };
            let does = set.iter().any(|&n| {
                let mut edges = self.edges[n].iter();
                edges.any(|(action, to)| {
                    actions.contains(action) && inside.contains(&(*to as usize))
                })
            });
            if !does && set.iter().any(|&n| can(n)) {
                return Some(set.iter().copied().filter(|&n| !can(n)).collect());
            }
        }
        let corked = set.iter().all(|&n| self.worlds[n].state.corked() > 0);
        corked.then(Vec::new)
    }

    /// The strongly connected sets, single states included: every state may
    /// stay as it is. (Tarjan's algorithm, with its stack in a list.)
    fn connected(&self, states: &[usize]) -> Vec<Vec<usize>> {
        const UNSEEN: u32 = u32::MAX;
        const DONE: u32 = u32::MAX - 1;
        let mut order = vec![DONE; self.worlds.len()];
        states.iter().for_each(|&n| order[n] = UNSEEN);
        let mut low = order.clone();
        let (mut path, mut sets, mut next) = (Vec::new(), Vec::new(), 0);
        for &root in states {
            let mut calls = if order[root] == UNSEEN {
                vec![(root, 0)]
            } else {
                Vec::new()
            };
            while let Some(&mut (n, ref mut edge)) = calls.last_mut() {
                if *edge == 0 {
                    (order[n], low[n]) = (next, next);
                    next += 1;
                    path.push(n);
                }
                if let Some(&(_, to)) = self.edges[n].get(*edge) {
                    *edge += 1;
                    let to = to as usize;
                    if order[to] == UNSEEN {
                        calls.push((to, 0));
                    } else if order[to] != DONE {
                        low[n] = low[n].min(order[to]);
                    }
                    continue;
                }
                if low[n] == order[n] {
                    let at = path.iter().rposition(|&m| m == n).unwrap_or_default();
                    let set = path.split_off(at);
                    set.iter().for_each(|&m| order[m] = DONE);
                    sets.push(set);
                }
                let lowest = low[n];
                calls.pop();
                if let Some(&(parent, _)) = calls.last() {
                    low[parent] = low[parent].min(lowest);
                }
            }
        }
        sets
    }
}

fn writes(action: Action) -> bool {
    matches!(
        action,
        Action::Write(_) | Action::WriteWithCallback(_) | Action::EndChunk(_)
    )
}
