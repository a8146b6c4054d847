//! The graphs of the specification's configurations, and which of their edges records take.
//!
//! A record need not have the options of a configuration. It is walked in its graph if each action
//! is an edge there, and leads through the same steps: the same inputs, effects, continuations
//! and states. So a limit that the record never reaches may be another one.
//!
//! Real lengths are mostly not among those of the graphs. So each length is also replaced by one
//! of the graph, the same for all. Then the steps must be the same except for the lengths in them.

use std::collections::{HashSet, VecDeque};
use std::path::Path;

use highwater::machine::Options;

use super::alike::{ERRORS, LENGTHS, alike};
use crate::explore::bounds::Bounds;
use crate::explore::drive::{Observer, Taken};
use crate::explore::world::{Action, World};

/// A configuration, and what was walked in its graph.
#[derive(Debug)]
struct Walked {
    name: String,
    bounds: Bounds,
    runs: usize,
    edges: HashSet<(World, Action)>,
}

/// All configurations of a specification.
#[derive(Debug)]
pub struct Graphs(Vec<Walked>);

impl Graphs {
    /// Those of `configurations.txt` in this folder.
    ///
    /// # Errors
    ///
    /// What could not be read.
    pub fn read(spec: &Path) -> Result<Self, String> {
        let path = spec.join("configurations.txt");
        let table = std::fs::read_to_string(&path);
        let table = table.map_err(|error| format!("{}: {error}", path.display()))?;
        let lines = table.lines().filter(|line| !line.starts_with('#'));
        let names = lines.filter_map(|line| line.split_whitespace().next());
        let read = names.map(|name| {
            Ok(Walked {
                name: name.to_owned(),
                bounds: Bounds::read(spec, name, &[])?,
                runs: 0,
                edges: HashSet::new(),
            })
        });
        read.collect::<Result<_, String>>().map(Self)
    }

    /// Walks this way in each graph that has it. Returns with which lengths, if there is one.
    pub(super) fn walk(&mut self, steps: &[Taken], way: &[Action]) -> Option<Lengths> {
        if way.is_empty() {
            return None;
        }
        let mut with = None;
        for walked in &mut self.0 {
            let bounds = &walked.bounds;
            let own = edges(bounds, way, steps, ERRORS).map(|edges| (Lengths::Own, edges));
            let found = own.or_else(|| {
                let replaced = replaced(bounds, way);
                let mut edges = replaced.filter_map(|way| edges(bounds, &way, steps, LENGTHS));
                edges.next().map(|edges| (Lengths::OfGraph, edges))
            });
            if let Some((lengths, edges)) = found {
                walked.runs += 1;
                walked.edges.extend(edges);
                with = Some(with.map_or(lengths, |with: Lengths| with.min(lengths)));
            }
        }
        with
    }

    /// How many edges records take, and how many there are, of all graphs.
    #[must_use]
    pub fn edges(&self) -> (usize, usize) {
        let counts = self.0.iter().map(Walked::count);
        counts.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
    }

    /// The same of one graph.
    #[must_use]
    pub fn edges_of(&self, name: &str) -> Option<(usize, usize)> {
        let walked = self.0.iter().find(|walked| walked.name == name);
        walked.map(Walked::count)
    }

    /// A line for each graph in which a record walks.
    #[must_use]
    pub fn table(&self) -> String {
        let walked = self.0.iter().filter(|walked| walked.runs > 0);
        let lines = walked.map(|walked| {
            let (taken, all) = walked.count();
            let Walked { name, runs, .. } = walked;
            format!("  {name}: {runs} runs, {taken} of {all} edges\n")
        });
        lines.collect()
    }
}

impl Walked {
    fn count(&self) -> (usize, usize) {
        (self.edges.len(), all(&self.bounds))
    }
}

/// With which lengths a record is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lengths {
    Own,
    OfGraph,
}

/// This way, with each of the graph's lengths in place of those that are not 0.
fn replaced(bounds: &Bounds, way: &[Action]) -> impl Iterator<Item = Vec<Action>> {
    let part = bounds.parts.first().copied();
    let lens = bounds.lens.iter().copied().filter(|&len| len > 0);
    lens.map(move |len| {
        let replace = |action: &Action| match *action {
            Action::Write(1..) => Action::Write(len),
            Action::WriteWithCallback(1..) => Action::WriteWithCallback(len),
            Action::EndChunk(1..) => Action::EndChunk(len),
            Action::Progress(own) => Action::Progress(part.unwrap_or(own)),
            action => action,
        };
        way.iter().map(replace).collect()
    })
}

/// Compares steps with those that were recorded.
struct Compare<'a> {
    recorded: std::slice::Iter<'a, Taken>,
    words: &'a [&'a str],
    same: bool,
}

impl Observer for Compare<'_> {
    fn stepped(&mut self, _: &Options, taken: &Taken) {
        // A record may end within an input.
        if let Some(recorded) = self.recorded.next() {
            self.same &= alike(recorded, taken, self.words);
        }
    }
}

/// The edges of this way, or `None` if the graph does not have it, with these steps.
fn edges(
    bounds: &Bounds,
    way: &[Action],
    steps: &[Taken],
    words: &[&str],
) -> Option<Vec<(World, Action)>> {
    let recorded = steps.iter();
    let mut compare = Compare {
        recorded,
        words,
        same: true,
    };
    let mut world = World::watched(bounds, &mut compare);
    let mut edges = Vec::new();
    for &action in way {
        if !compare.same || !world.actions(bounds).contains(&action) {
            return None;
        }
        edges.push((world.clone(), action));
        world.act(bounds, action, &mut compare);
    }
    compare.same.then_some(edges)
}

/// How many edges the graph has.
fn all(bounds: &Bounds) -> usize {
    let start = World::new(bounds);
    let mut seen = HashSet::from([start.clone()]);
    let mut waiting = VecDeque::from([start]);
    let mut edges = 0;
    while let Some(world) = waiting.pop_front() {
        for action in world.actions(bounds) {
            edges += 1;
            let mut next = world.clone();
            next.act(bounds, action, &mut ());
            if seen.insert(next.clone()) {
                waiting.push_back(next);
            }
        }
    }
    edges
}
