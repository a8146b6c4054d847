//! The phases of a stream and what leads from one to another, as a picture.
//! What it says comes from the golden graphs; only where it stands is written here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::graph::Graph;

/// The phases, with the middle of each box. Those before `errored` are drawn in
/// one frame: an arrow from the frame goes from every phase in it.
const PHASES: [(&str, i32, i32); 8] = [
    ("opening", 110, 80),
    ("corked", 110, 250),
    ("writable", 390, 165),
    ("ending", 650, 165),
    ("finished", 880, 165),
    ("errored", 230, 420),
    ("destroyed", 600, 420),
    ("closed", 880, 420),
];
const IN_FRAME: usize = 5;

/// An arrow: from, to, its path, and the middle of its label.
type Arrow = (&'static str, &'static str, &'static str, (i32, i32));

const ARROWS: [Arrow; 15] = [
    ("opening", "corked", "M90 105 V225", (90, 155)),
    ("corked", "opening", "M135 225 V105", (135, 185)),
    (
        "opening",
        "writable",
        "M170 80 C270 80 340 90 375 140",
        (280, 84),
    ),
    (
        "opening",
        "ending",
        "M150 55 C320 10 560 10 635 140",
        (420, 34),
    ),
    (
        "writable",
        "corked",
        "M330 160 C260 160 200 190 165 225",
        (245, 168),
    ),
    (
        "corked",
        "writable",
        "M170 245 C250 235 300 220 345 190",
        (268, 226),
    ),
    (
        "corked",
        "ending",
        "M170 260 C330 290 540 280 630 190",
        (420, 268),
    ),
    ("writable", "ending", "M450 165 H590", (520, 153)),
    ("ending", "finished", "M710 165 H820", (765, 153)),
    ("frame", "errored", "M230 310 V395", (230, 348)),
    ("frame", "destroyed", "M600 310 V395", (600, 348)),
    ("destroyed", "errored", "M540 420 H290", (415, 408)),
    ("destroyed", "closed", "M660 420 H820", (740, 408)),
    ("", "opening", "M20 50 L55 62", (0, 0)),
    ("", "writable", "M390 112 V140", (0, 0)),
];

/// The phase of a state, as `State::phase` has it.
pub(crate) fn phase(state: &str) -> &'static str {
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

/// What an action is called in the picture.
fn label(action: &str, to: &str) -> &'static str {
    match action {
        "Write" | "WriteWithCallback" => "write after end",
        "EndChunk" if to == "errored" => "write after end",
        "Cork" => "cork",
        "Uncork" => "uncork",
        "End" | "EndWithCallback" | "EndChunk" => "end",
        "Destroy" => "destroy",
        "DestroyWithError" => "destroy(error)",
        "WrittenError" => "the sink fails",
        "WrittenAgain" | "Finalized" => "a second answer",
        "DestroyAnswered" => "_destroy answers",
        "DestroyAnsweredError" => "_destroy fails",
        "Return" => "a call returns",
        "RunTick" => "a tick",
        _ => "another answer",
    }
}

/// What leads from which phase to which other.
type Edges = BTreeMap<(&'static str, &'static str), BTreeSet<&'static str>>;

fn edges(graphs: &[Graph]) -> Edges {
    let mut edges = Edges::new();
    for (from, action, to) in graphs.iter().flat_map(Graph::each_edge) {
        let (from, to) = (phase(from), phase(to));
        if from != to {
            edges
                .entry((from, to))
                .or_default()
                .insert(label(action, to));
        }
    }
    edges
}

/// Draws the phases of these graphs.
pub(crate) fn draw(graphs: &[Graph]) -> Result<String, String> {
    let mut edges = edges(graphs);
    for to in ["errored", "destroyed"] {
        let mut all = BTreeSet::new();
        for (from, ..) in PHASES.iter().take(IN_FRAME) {
            let labels = edges.remove(&(*from, to));
            all.append(&mut labels.ok_or(format!("nothing leads from {from} to {to}"))?);
        }
        edges.insert(("frame", to), all);
    }
    let mut svg = START.to_owned();
    let mut labels = String::new();
    for (from, to, path, (x, y)) in ARROWS {
        let _ = writeln!(svg, "<path class=\"arrow\" d=\"{path}\"/>");
        if from.is_empty() {
            continue;
        }
        let inputs = edges.remove(&(from, to));
        let inputs = inputs.ok_or(format!("nothing leads from {from} to {to} any more"))?;
        let lines: Vec<_> = inputs.into_iter().collect();
        for (line, y) in lines.chunks(3).zip((y..).step_by(14)) {
            let _ = writeln!(
                labels,
                "<text class=\"label\" x=\"{x}\" y=\"{y}\" dy=\".35em\">{}</text>",
                line.join(" · ")
            );
        }
    }
    if let Some(((from, to), _)) = edges.first_key_value() {
        return Err(format!("there is no arrow from {from} to {to}"));
    }
    for (name, x, y) in PHASES {
        let _ = writeln!(
            svg,
            "<rect class=\"phase\" x=\"{}\" y=\"{}\" width=\"120\" height=\"50\" rx=\"10\"/>\n\
             <text class=\"name\" x=\"{x}\" y=\"{y}\" dy=\".35em\">{name}</text>",
            x - 60,
            y - 25
        );
    }
    svg.push_str(&labels);
    svg.push_str("</svg>\n");
    Ok(svg)
}

const START: &str = "\
<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 980 470\" font-family=\"sans-serif\">
<title>The phases of a writable stream, and the inputs that lead from one to another</title>
<style>
text { text-anchor: middle; fill: #1f2933 }
.name { font-size: 17px; font-weight: bold }
.label { font-size: 12px; paint-order: stroke; stroke: #ffffff; stroke-width: 5px }
.phase { fill: #e8f1fa; stroke: #2b6cb0; stroke-width: 1.5 }
.frame { fill: none; stroke: #9aa5b1; stroke-dasharray: 6 4 }
.arrow { fill: none; stroke: #52606d; stroke-width: 1.4; marker-end: url(#head) }
</style>
<defs><marker id=\"head\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"8\" \
markerHeight=\"8\" orient=\"auto\"><path d=\"M0 0 L10 5 L0 10 z\" fill=\"#52606d\"/></marker></defs>
<rect width=\"980\" height=\"470\" fill=\"#ffffff\"/>
<rect class=\"frame\" x=\"10\" y=\"10\" width=\"960\" height=\"300\" rx=\"14\"/>
";
