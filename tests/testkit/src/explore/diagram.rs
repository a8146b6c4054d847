//! The phases of a stream and what leads from one to another, as a picture.
//! What it says comes from the golden graphs; only where it stands is written here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::graph::Graph;

/// A box: its name, its class, and its left, top, width and height.
type Rect = (&'static str, &'static str, [i32; 4]);

const PHASES: [Rect; 8] = [
    ("opening", "open", [24, 108, 108, 44]),
    ("writable", "open", [230, 108, 108, 44]),
    ("corked", "open", [230, 218, 108, 44]),
    ("ending", "open", [418, 108, 108, 44]),
    ("finished", "good", [660, 108, 108, 44]),
    ("destroyed", "done", [594, 328, 108, 44]),
    ("closed", "done", [366, 328, 108, 44]),
    ("errored", "bad", [24, 450, 752, 44]),
];

/// The frame around the phases in which a stream can fail or be destroyed.
const FRAME: Rect = ("frame", "frame", [12, 12, 534, 288]);
const IN_FRAME: [&str; 4] = ["opening", "writable", "corked", "ending"];

/// On which side of its arrow a label stands.
#[derive(Clone, Copy)]
enum Side {
    Above,
    Below,
    Left,
    Right,
}
use Side::{Above, Below, Left, Right};

/// An arrow, and the place of its label.
pub struct Arrow {
    /// From where, and to where.
    pub ends: (&'static str, &'static str),
    /// The way that most streams go is `life`, a failure is `fail`, else it is `side`.
    class: &'static str,
    /// The corners, from the border of one box to the border of the other.
    way: &'static [(i32, i32)],
    /// The point of the arrow beside which the label stands.
    beside: (Side, i32, i32),
    /// The room for the label: characters in a line, and lines.
    pub room: (usize, usize),
}

const fn arrow(
    (class, from, to): (&'static str, &'static str, &'static str),
    way: &'static [(i32, i32)],
    beside: (Side, i32, i32),
    room: (usize, usize),
) -> Arrow {
    let ends = (from, to);
    Arrow {
        ends,
        class,
        way,
        beside,
        room,
    }
}

/// Every arrow. One from `start` leads to a phase in which a stream begins.
#[rustfmt::skip]
pub const ARROWS: [Arrow; 17] = [
    arrow(("life", "start", "opening"), &[(60, 66), (60, 108)], (Above, 60, 62), (10, 2)),
    arrow(("life", "start", "writable"), &[(284, 74), (284, 108)], (Right, 284, 86), (5, 1)),
    arrow(("life", "opening", "writable"), &[(132, 130), (230, 130)], (Above, 182, 130), (10, 2)),
    arrow(("life", "writable", "ending"), &[(338, 130), (418, 130)], (Above, 378, 130), (8, 2)),
    arrow(("life", "ending", "finished"), &[(526, 130), (660, 130)], (Above, 602, 130), (10, 2)),
    arrow(("life", "finished", "destroyed"), &[(684, 152), (684, 328)], (Left, 684, 180), (12, 2)),
    arrow(("life", "destroyed", "closed"), &[(594, 350), (474, 350)], (Above, 532, 350), (12, 2)),
    arrow(("side", "opening", "ending"), &[(121, 108), (121, 46), (472, 46), (472, 108)], (Above, 330, 46), (24, 1)),
    arrow(("side", "opening", "corked"), &[(100, 152), (100, 230), (230, 230)], (Above, 156, 230), (8, 2)),
    arrow(("side", "corked", "opening"), &[(230, 250), (60, 250), (60, 152)], (Below, 156, 250), (14, 1)),
    arrow(("side", "writable", "corked"), &[(264, 152), (264, 218)], (Left, 264, 184), (6, 2)),
    arrow(("side", "corked", "writable"), &[(304, 218), (304, 152)], (Right, 304, 184), (14, 2)),
    arrow(("side", "corked", "ending"), &[(338, 240), (472, 240), (472, 152)], (Above, 400, 240), (12, 1)),
    arrow(("side", "frame", "destroyed"), &[(546, 220), (620, 220), (620, 328)], (Above, 582, 220), (7, 1)),
    arrow(("fail", "frame", "errored"), &[(140, 300), (140, 450)], (Right, 140, 375), (20, 7)),
    arrow(("fail", "destroyed", "errored"), &[(620, 372), (620, 450)], (Left, 620, 410), (14, 3)),
    arrow(("fail", "finished", "errored"), &[(742, 152), (742, 450)], (Left, 742, 410), (10, 3)),
];

/// The phase of a state, as `State::phase` has it.
pub fn phase(state: &str) -> &'static str {
    let machine = state.split(" | ").next().unwrap_or_default();
    let words: Vec<_> = machine.split(' ').collect();
    let value = |name: &str| {
        let at = words.iter().position(|word| *word == name)?;
        words.get(at + 1).copied()
    };
    match (value("errored"), value("teardown"), value("ending")) {
        (Some(_), _, _) => "errored",
        (_, Some("Closed" | "Told"), _) => "closed",
        (_, Some(_), _) => "destroyed",
        (_, _, Some("Finished" | "Told")) => "finished",
        (_, _, Some(_)) => "ending",
        _ if value("corked").is_some() => "corked",
        _ if value("opening").is_some() => "opening",
        _ => "writable",
    }
}

/// The names in a list of a state, such as `ticks`, the first one first.
fn names<'a>(state: &'a str, list: &str) -> impl Iterator<Item = &'a str> {
    let mut parts = state.split(" | ");
    let items = parts.find_map(|part| part.strip_prefix(list)?.strip_prefix(' '));
    let items = items.unwrap_or_default().split(' ');
    items.map(|item| item.split(['+', '#']).next().unwrap_or_default())
}

/// What the tick is called that comes next.
fn tick_label(state: &str) -> &'static str {
    match names(state, "ticks").next().unwrap_or_default() {
        "Constructed" => "_construct succeeds",
        tick if tick.starts_with("Constructed(") => "_construct fails",
        "Finish" => "all is written",
        _ => "a tick",
    }
}

/// What leads on after the call on top of the stack returns. Its continuations are
/// written with a capital letter, the next call is not.
fn return_label(state: &str) -> &'static str {
    let continues = names(state, "todo").skip(1);
    let continues = continues.take_while(|name| name.starts_with(char::is_uppercase));
    let labels = continues.filter_map(|name| match name.split('(').next()? {
        "End" | "AcceptEnd" => Some("end"),
        "AutoDestroy" => Some("autoDestroy"),
        "FailFinal" => Some("_final fails"),
        _ => None,
    });
    labels.last().unwrap_or("a call returns")
}

/// What an action is called in the picture; nothing if it has no name here.
fn label(state: &str, action: &str, to: &str) -> Option<&'static str> {
    let label = match (action, to) {
        ("Write" | "WriteWithCallback" | "EndChunk", "errored") => "write after end",
        ("WrittenAgain" | "Finalized", "errored") => "a second answer",
        ("Write" | "WriteWithCallback", _) => "write",
        ("Cork", _) => "cork",
        ("Uncork", _) => "uncork",
        ("End" | "EndWithCallback" | "EndChunk", _) => "end",
        ("Destroy", _) => "destroy",
        ("DestroyWithError", _) => "destroy(error)",
        ("Written" | "WrittenAgain", _) => "the sink answers",
        ("WrittenError", _) => "the sink fails",
        ("Progress", _) => "progress",
        ("Constructed", _) => "_construct succeeds",
        ("ConstructedError", _) => "_construct fails",
        ("Finalized", _) => "_final succeeds",
        ("FinalizedError", _) => "_final fails",
        ("DestroyAnswered", _) => "_destroy succeeds",
        ("DestroyAnsweredError", _) => "_destroy fails",
        ("RunTick", _) => tick_label(state),
        ("Return", _) => return_label(state),
        _ => return None,
    };
    Some(label)
}

/// What leads from which phase to which other.
pub type Edges = BTreeMap<(&'static str, &'static str), BTreeSet<String>>;

/// Draws the phases of these graphs.
///
/// # Errors
///
/// Says which edge of the graphs has no arrow, no label or no room in the picture,
/// and which arrow has no edge.
pub fn draw(graphs: &[Graph]) -> Result<String, String> {
    let mut edges = Edges::new();
    let mut add = |ends, label: &str| edges.entry(ends).or_default().insert(label.to_owned());
    for graph in graphs {
        match phase(graph.start()) {
            "opening" => add(("start", "opening"), "new, with _construct"),
            start => add(("start", start), "new"),
        };
        for (state, action, next) in graph.each_edge() {
            let (from, to) = (phase(state), phase(next));
            if from != to {
                let label = label(state, action, to);
                let label = label.ok_or(format!("{action} from {from} to {to} has no label"))?;
                add((from, to), label);
            }
        }
    }
    for to in ["errored", "destroyed"] {
        let mut all = BTreeSet::new();
        for from in IN_FRAME {
            let labels = edges.remove(&(from, to));
            all.append(&mut labels.ok_or(format!("nothing leads from {from} to {to}"))?);
        }
        edges.insert(("frame", to), all);
    }
    draw_edges(edges)
}

/// Draws what leads from one phase, the start or the frame to another phase.
///
/// # Errors
///
/// Those of [`draw`].
pub fn draw_edges(mut edges: Edges) -> Result<String, String> {
    let mut svg = START.to_owned();
    draw_box(&mut svg, &FRAME);
    svg.push_str(NOTE);
    for arrow in &ARROWS {
        let (from, to) = arrow.ends;
        let labels = edges.remove(&arrow.ends);
        let labels = labels.ok_or(format!("nothing leads from {from} to {to}"))?;
        draw_arrow(&mut svg, arrow, &labels)?;
    }
    if let Some(((from, to), labels)) = edges.first_key_value() {
        return Err(format!("there is no arrow from {from} to {to}: {labels:?}"));
    }
    for phase in &PHASES {
        draw_box(&mut svg, phase);
        let (name, _, [left, top, wide, high]) = phase;
        let (x, y) = (left + wide / 2, top + high / 2 + 5);
        let _ = writeln!(
            svg,
            "<text class=\"name\" x=\"{x}\" y=\"{y}\">{name}</text>"
        );
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

fn draw_box(svg: &mut String, (name, class, [left, top, wide, high]): &Rect) {
    let _ = writeln!(
        svg,
        "<rect id=\"{name}\" class=\"{class}\" x=\"{left}\" y=\"{top}\" \
         width=\"{wide}\" height=\"{high}\" rx=\"10\"/>"
    );
}

fn draw_arrow(svg: &mut String, arrow: &Arrow, labels: &BTreeSet<String>) -> Result<(), String> {
    let ((from, to), class, (columns, most)) = (arrow.ends, arrow.class, arrow.room);
    let lines = lines(labels, columns);
    if lines.len() > most || lines.iter().any(|line| line.len() > columns) {
        return Err(format!(
            "the arrow from {from} to {to} has room for {most} lines of {columns} characters, not for {lines:?}"
        ));
    }
    let path = path(arrow.way);
    let _ = writeln!(
        svg,
        "<g id=\"{from}-{to}\" class=\"{class}\">\n\
         <path d=\"{path}\" marker-end=\"url(#{class})\"/>"
    );
    if let ("start", Some((x, y))) = (from, arrow.way.first()) {
        let _ = writeln!(svg, "<circle cx=\"{x}\" cy=\"{y}\" r=\"4\"/>");
    }
    let (anchor, x, y) = first_line(arrow.beside, lines.len());
    for (line, y) in lines.iter().zip((y..).step_by(LINE)) {
        let _ = writeln!(
            svg,
            "<text class=\"label {anchor}\" x=\"{x}\" y=\"{y}\">{line}</text>"
        );
    }
    svg.push_str("</g>\n");
    Ok(())
}

/// A line through these points, with round corners.
fn path(way: &[(i32, i32)]) -> String {
    const ROUND: i32 = 10;
    let near = |(x, y): (i32, i32), (to_x, to_y): (i32, i32)| {
        let step = |from: i32, to: i32| from + (to - from).clamp(-ROUND, ROUND);
        (step(x, to_x), step(y, to_y))
    };
    let mut path = String::new();
    if let [(x, y), ..] = way {
        let _ = write!(path, "M{x} {y}");
    }
    for three in way.windows(3) {
        if let [before, (x, y), after] = *three {
            let ((in_x, in_y), (out_x, out_y)) = (near((x, y), before), near((x, y), after));
            let _ = write!(path, " L{in_x} {in_y} Q{x} {y} {out_x} {out_y}");
        }
    }
    if let [_, .., (x, y)] = way {
        let _ = write!(path, " L{x} {y}");
    }
    path
}

/// From one line of a label to the next.
const LINE: usize = 17;

/// These labels in lines. Only a label that is longer than a line is broken.
fn lines(labels: &BTreeSet<String>, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut add = |part: &str| match lines.last_mut() {
        Some(line) if line.len() + 1 + part.len() <= columns => {
            line.push(' ');
            line.push_str(part);
        }
        _ => lines.push(part.to_owned()),
    };
    for (label, number) in labels.iter().zip(1..) {
        let comma = if number < labels.len() { "," } else { "" };
        let label = format!("{label}{comma}");
        if label.len() <= columns {
            add(&label);
        } else {
            label.split(' ').for_each(&mut add);
        }
    }
    lines
}

/// Where the first of so many lines stands: its anchor, and that point.
fn first_line((side, x, y): (Side, i32, i32), lines: usize) -> (&'static str, i32, i32) {
    let more = i32::try_from(lines.saturating_sub(1) * LINE).unwrap_or_default();
    match side {
        Above => ("middle", x, y - 9 - more),
        Below => ("middle", x, y + 17),
        Left => ("end", x - 9, y + 4 - more / 2),
        Right => ("start", x + 9, y + 4 - more / 2),
    }
}

const START: &str = "\
<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 800 506\" font-family=\"sans-serif\">
<title>The phases of a writable stream, and what leads from one to another</title>
<style>
.page { fill: #ffffff }
text { fill: #1f2933 }
.name { font-size: 16px; font-weight: bold; text-anchor: middle }
.label { font-size: 13px }
.middle { text-anchor: middle }
.end { text-anchor: end }
.note { font-size: 12px; font-style: italic; fill: #57606a }
rect { stroke-width: 1.5 }
.frame { fill: #f6f8fa; stroke: #8c959f; stroke-dasharray: 6 4 }
.open { fill: #ddf0ff; stroke: #0969da }
.good { fill: #dafbe1; stroke: #1a7f37 }
.done { fill: #eaeef2; stroke: #57606a }
.bad { fill: #ffebe9; stroke: #cf222e }
path { fill: none; stroke-width: 1.5 }
.side path { stroke: #6e7781 }
.life path { stroke: #0969da; stroke-width: 2.5 }
.fail path { stroke: #cf222e }
marker path { stroke: none }
#side path { fill: #6e7781 }
#life path, circle { fill: #0969da }
#fail path { fill: #cf222e }
@media (prefers-color-scheme: dark) {
.page { fill: #0d1117 }
text { fill: #e6edf3 }
.note { fill: #9198a1 }
.frame { fill: #151b23; stroke: #656c76 }
.open { fill: #12304f; stroke: #4493f8 }
.good { fill: #12361f; stroke: #3fb950 }
.done { fill: #262c36; stroke: #9198a1 }
.bad { fill: #451a1c; stroke: #f85149 }
.side path { stroke: #9198a1 }
.life path { stroke: #4493f8 }
.fail path { stroke: #f85149 }
#side path { fill: #9198a1 }
#life path, circle { fill: #4493f8 }
#fail path { fill: #f85149 }
}
</style>
<defs>
<marker id=\"side\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"9\" markerHeight=\"9\" \
markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M0 0 L10 5 L0 10 z\"/></marker>
<marker id=\"life\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"11\" markerHeight=\"11\" \
markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M0 0 L10 5 L0 10 z\"/></marker>
<marker id=\"fail\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"9\" markerHeight=\"9\" \
markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M0 0 L10 5 L0 10 z\"/></marker>
</defs>
<rect class=\"page\" width=\"800\" height=\"506\" rx=\"10\"/>
";

const NOTE: &str = "\
<text class=\"note\" x=\"24\" y=\"289\">An arrow from the frame goes from every phase in it.</text>
";
