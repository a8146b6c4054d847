//! State graphs: spanned from the real machine, written down, read, compared.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt::Write as _;

use super::bounds::Bounds;
use super::drive::Observer;
use super::notation::{action_name, text};
use super::world::World;

/// A state graph: every state as text, and every edge as the name of its
/// action and the state it leads to.
#[derive(Debug, PartialEq, Eq)]
pub struct Graph {
    start: String,
    edges: BTreeMap<String, BTreeSet<(String, String)>>,
}

impl Graph {
    pub fn new(start: String) -> Self {
        let edges = BTreeMap::from([(start.clone(), BTreeSet::new())]);
        Self { start, edges }
    }

    pub fn add_state(&mut self, state: &str) {
        if !self.edges.contains_key(state) {
            self.edges.insert(state.to_owned(), BTreeSet::new());
        }
    }

    pub fn add_edge(&mut self, from: &str, action: &str, to: &str) {
        let edges = self.edges.entry(from.to_owned()).or_default();
        edges.insert((action.to_owned(), to.to_owned()));
    }

    pub fn states(&self) -> usize {
        self.edges.len()
    }

    pub fn edges(&self) -> usize {
        self.edges.values().map(BTreeSet::len).sum()
    }

    /// The state in which it begins.
    pub fn start(&self) -> &str {
        &self.start
    }

    /// Every edge: from, action, to.
    pub fn each_edge(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        let all = self.edges.iter();
        all.flat_map(|(from, edges)| {
            edges
                .iter()
                .map(move |(action, to)| (&**from, &**action, &**to))
        })
    }

    /// The graph of the real machine within these bounds.
    pub fn span(bounds: &Bounds) -> Self {
        Self::span_watched(bounds, &mut ())
    }

    pub fn span_watched(bounds: &Bounds, observer: &mut impl Observer) -> Self {
        let start = World::watched(bounds, observer);
        let mut graph = Self::new(text(&start));
        let mut seen = HashMap::from([(start.clone(), text(&start))]);
        let mut waiting = VecDeque::from([start]);
        while let Some(world) = waiting.pop_front() {
            let from = text(&world);
            graph.add_state(&from);
            for action in world.actions(bounds) {
                let mut next = world.clone();
                next.act(bounds, action, observer);
                let to = seen.entry(next.clone()).or_insert_with(|| {
                    waiting.push_back(next.clone());
                    text(&next)
                });
                graph.add_edge(&from, &action_name(action), to);
            }
        }
        // No two states look alike.
        assert_eq!(graph.states(), seen.len());
        graph
    }

    /// The graph as a file: of what it is the graph; then every state once, in the
    /// order in which they are first reached, with its edges by number.
    pub fn write(&self, of: &str) -> String {
        let order = self.order();
        let numbers: HashMap<_, _> = order.iter().zip(0..).collect();
        let mut out = format!("graph of {of}\n");
        for state in &order {
            let _ = writeln!(out, "{state}");
            for (action, to) in &self.edges[*state] {
                let number: i32 = numbers[&to.as_str()];
                let _ = writeln!(out, "\t{action} {number}");
            }
        }
        out
    }

    fn order(&self) -> Vec<&str> {
        let mut order = vec![self.start.as_str()];
        let mut seen: BTreeSet<&str> = order.iter().copied().collect();
        let mut index = 0;
        while let Some(state) = order.get(index).copied() {
            index += 1;
            for (_, to) in self.edges.get(state).into_iter().flatten() {
                if seen.insert(to) {
                    order.push(to);
                }
            }
        }
        order
    }

    /// Reads what [`Graph::write`] has written, and of what it is the graph.
    pub fn read(file: &str) -> Result<(String, Self), String> {
        let (of, file) = file.split_once('\n').ok_or("there is nothing in it")?;
        let of = of.strip_prefix("graph of ");
        let of = of.ok_or("it does not say of what it is the graph")?;
        let lines = file.lines().filter(|line| !line.starts_with('\t'));
        let states: Vec<_> = lines.collect();
        let start = states.first().ok_or("there is no state")?;
        let mut graph = Self::new((*start).to_owned());
        let mut from = *start;
        for (line, number) in file.lines().zip(2..) {
            let Some(edge) = line.strip_prefix('\t') else {
                from = line;
                graph.add_state(from);
                continue;
            };
            let (action, to) = edge.split_once(' ').unwrap_or((edge, ""));
            let to = to.parse().ok().and_then(|to: usize| states.get(to));
            let to = to.ok_or_else(|| format!("line {number}: no such state"))?;
            graph.add_edge(from, action, to);
        }
        Ok((of.to_owned(), graph))
    }

    /// Where two graphs first differ, on the shortest way from the start.
    pub fn difference(&self, code: &Self) -> Option<String> {
        if self.start != code.start {
            return Some(format!(
                "they begin differently\n  specification: {}\n  code:          {}",
                self.start, code.start
            ));
        }
        let none = BTreeSet::new();
        let mut ways = HashMap::from([(self.start.as_str(), Vec::new())]);
        let mut waiting = VecDeque::from([self.start.as_str()]);
        while let Some(state) = waiting.pop_front() {
            let way = ways[state].clone();
            let specified = self.edges.get(state).unwrap_or(&none);
            let coded = code.edges.get(state).unwrap_or(&none);
            if specified != coded {
                return Some(explain(&way, state, specified, coded));
            }
            for (action, to) in specified {
                if !ways.contains_key(to.as_str()) {
                    let mut longer = way.clone();
                    longer.push(action.as_str());
                    ways.insert(to, longer);
                    waiting.push_back(to);
                }
            }
        }
        (self.edges.len() != code.edges.len()).then(|| "they have different states".to_owned())
    }
}

type Edges = BTreeSet<(String, String)>;

fn explain(way: &[&str], state: &str, specified: &Edges, coded: &Edges) -> String {
    let mut out = format!("after {}\nin   {state}\n", way.join(", "));
    let mut list = |who: &str, edges: Vec<&(String, String)>| {
        for (action, to) in edges {
            let _ = writeln!(out, "{who} {action} leads to\n     {to}");
        }
    };
    list(
        "only in the specification:",
        specified.difference(coded).collect(),
    );
    list("only in the code:", coded.difference(specified).collect());
    out
}
