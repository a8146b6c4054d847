//! Scenarios: what happens to a stream, or to several, one JSON object a line.
//!
//! ```json
//! {"id":7,"o":{"hwm":3},"sink":"sm","turns":[["w2o","e-n"],["k0"]],"on":{"cb":[["w1n"]]}}
//! ```
//!
//! `o` has the options and the hooks: `f` is `_final`, `c` `_construct`, `d`
//! `_destroy`, each with a letter that says how it answers ([`Mode`]). `sink` has such a
//! letter for each sink call; the last one also stands for all further calls. `turns`
//! are lists of actions ([`Action`]); a turn ends when all ticks have run. `on` has, for
//! a point, the actions at its first hit, at its second, and so on.
//!
//! Several streams are a list, and a number before each action says which of them it is
//! for, from 0 on. Each line of the trace also begins with that number.
//!
//! ```json
//! {"streams":[{"o":{"hwm":3},"sink":"s"},{"o":{"hwm":3},"sink":"s","on":{"cb":[["0c"]]}}],
//!  "turns":[["0w1o","1w1o","0e-o"]]}
//! ```
//!
//! A turn ends when all ticks of all streams have run, in the order in which they were
//! deferred.

use highwater::machine::{Options, Quirks};
use serde_json::Value;

/// How a sink call or a hook answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// There is no such hook.
    Absent,
    /// Now, `ok` or with a new error.
    Now { ok: bool },
    /// In a tick.
    Tick { ok: bool },
    /// Not by itself.
    Manual,
    /// Throws a new error.
    Throw,
    /// Now or in a tick, with the error that it was given (`_destroy` only).
    Pass { tick: bool },
}

/// The callback of a write or an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// Its own.
    Own,
    /// The shared function A or B.
    Shared(char),
}

/// Something that the scenario does.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    Write {
        times: u32,
        len: u64,
        callback: Option<Function>,
    },
    End {
        chunk: Option<u64>,
        callback: bool,
    },
    Cork,
    Uncork,
    Destroy {
        error: bool,
    },
    /// Answer the oldest unanswered sink call.
    Answer {
        ok: bool,
    },
    /// The sink reports that it has done so many bytes (or objects) more of the call
    /// that is unanswered. Node has no such report: the profile `node` refuses it.
    Progress(u64),
    /// Answer again the sink call that was answered last.
    Again {
        ok: bool,
    },
    Final {
        ok: bool,
    },
    Construct {
        ok: bool,
    },
    DestroyHook {
        ok: bool,
    },
}

/// Where re-entrant actions hook in.
pub const POINTS: [&str; 11] = [
    "drain",
    "finish",
    "error",
    "close",
    "prefinish",
    "cb",
    "ecb",
    "w",
    "fin",
    "des",
    "con",
];

/// An action, and the stream that it is for, by its index.
#[derive(Clone, Copy, Debug)]
pub struct Aimed {
    pub stream: usize,
    pub action: Action,
}

#[derive(Debug)]
pub struct Scenario {
    pub id: Value,
    /// At least one.
    pub streams: Vec<Plan>,
    /// The scenario has a list of streams.
    pub several: bool,
    pub turns: Vec<Vec<Aimed>>,
}

/// What one stream is created with, and how its sink, its hooks and its listeners act.
#[derive(Debug)]
pub struct Plan {
    pub options: Options,
    pub finalize: Mode,
    pub construct: Mode,
    pub destroy: Mode,
    pub sink: Vec<Mode>,
    /// By the index of the point in [`POINTS`].
    pub on: [Vec<Vec<Aimed>>; POINTS.len()],
}

/// Reads one line.
pub fn parse(line: &str, quirks: Quirks) -> Result<Scenario, String> {
    // It counts lines of its own; here there is one.
    let wrong = |error: serde_json::Error| error.to_string().replace(" at line 1", " at");
    let json: Value = serde_json::from_str(line).map_err(wrong)?;
    let (streams, count) = match json.get("streams") {
        None => (vec![plan(&json, None, quirks)?], None),
        Some(list) => {
            let list = list.as_array().ok_or("streams is not a list")?;
            let count = Some(list.len());
            let plans = list.iter().map(|json| plan(json, count, quirks));
            (plans.collect::<Result<Vec<_>, _>>()?, count)
        }
    };
    if streams.is_empty() {
        return Err("streams is empty".into());
    }
    let scenario = Scenario {
        id: json.get("id").cloned().unwrap_or(Value::Null),
        streams,
        several: count.is_some(),
        turns: lists(field(&json, "turns")?, "turns", count)?,
    };
    if quirks == Quirks::NODE && scenario.reports_progress() {
        return Err("p is an action that Node has not".into());
    }
    Ok(scenario)
}

impl Scenario {
    fn reports_progress(&self) -> bool {
        let hooked = self.streams.iter().flat_map(|plan| &plan.on).flatten();
        let actions = self.turns.iter().chain(hooked).flatten();
        let mut actions = actions.map(|aimed| aimed.action);
        actions.any(|action| matches!(action, Action::Progress(_)))
    }
}

/// Reads what belongs to one stream. `count` is how many streams there are, if they
/// are a list.
fn plan(json: &Value, count: Option<usize>, quirks: Quirks) -> Result<Plan, String> {
    let o = field(json, "o")?;
    let finalize = hook(o, "f", "sStTmx")?;
    let construct = hook(o, "c", "sStTmx")?;
    let destroy = hook(o, "d", "sStTmxpP")?;
    let options = Options::new()
        .with_high_water_mark(number(o, "hwm")?.ok_or("o.hwm is missing")?)
        .with_low_water_mark(number(o, "lw")?.unwrap_or(0))
        .with_limit(number(o, "lim")?.unwrap_or(u64::MAX))
        .with_object_mode(bit(o, "obj")?.unwrap_or(false))
        .with_auto_destroy(bit(o, "ad")?.unwrap_or(true))
        .with_emit_close(bit(o, "ec")?.unwrap_or(true))
        .with_refusals_fail(bit(o, "rf")?.unwrap_or(true))
        .with_batches(bit(o, "v")?.unwrap_or(false))
        .with_construct(construct != Mode::Absent)
        .with_finalize(finalize != Mode::Absent)
        .with_quirks(quirks);
    Ok(Plan {
        options,
        finalize,
        construct,
        destroy,
        sink: sink(json)?,
        on: points(json, count)?,
    })
}

fn field<'a>(json: &'a Value, name: &str) -> Result<&'a Value, String> {
    json.get(name).ok_or_else(|| format!("{name} is missing"))
}

fn number(o: &Value, name: &str) -> Result<Option<u64>, String> {
    match o.get(name) {
        None => Ok(None),
        Some(value) => match value.as_u64() {
            Some(number) => Ok(Some(number)),
            None => Err(format!("o.{name} is {value}, not a whole number")),
        },
    }
}

fn bit(o: &Value, name: &str) -> Result<Option<bool>, String> {
    match number(o, name)? {
        None => Ok(None),
        Some(0) => Ok(Some(false)),
        Some(1) => Ok(Some(true)),
        Some(other) => Err(format!("o.{name} is {other}, not 0 or 1")),
    }
}

fn hook(o: &Value, name: &str, letters: &str) -> Result<Mode, String> {
    match o.get(name) {
        None => Ok(Mode::Absent),
        Some(value) if value.as_u64() == Some(0) => Ok(Mode::Absent),
        Some(Value::String(text)) => match (text.chars().next(), text.len()) {
            (Some(letter), 1) if letters.contains(letter) => mode(letter),
            _ => Err(format!("o.{name} is \"{text}\", not 0 or one of {letters}")),
        },
        Some(value) => Err(format!("o.{name} is {value}, not 0 or one of {letters}")),
    }
}

fn mode(letter: char) -> Result<Mode, String> {
    Ok(match letter {
        's' => Mode::Now { ok: true },
        'S' => Mode::Now { ok: false },
        't' => Mode::Tick { ok: true },
        'T' => Mode::Tick { ok: false },
        'm' => Mode::Manual,
        'x' => Mode::Throw,
        'p' => Mode::Pass { tick: false },
        'P' => Mode::Pass { tick: true },
        _ => return Err(format!("'{letter}' is no way of answering")),
    })
}

fn sink(json: &Value) -> Result<Vec<Mode>, String> {
    let text = field(json, "sink")?
        .as_str()
        .ok_or("sink is not a string")?;
    if text.is_empty() {
        return Err("sink is empty".into());
    }
    match text.chars().find(|letter| !"sStTm".contains(*letter)) {
        Some(letter) => Err(format!("sink has '{letter}', which is none of sStTm")),
        None => text.chars().map(mode).collect(),
    }
}

type Points = [Vec<Vec<Aimed>>; POINTS.len()];

fn points(json: &Value, count: Option<usize>) -> Result<Points, String> {
    let mut on: Points = Default::default();
    let Some(hooks) = json.get("on") else {
        return Ok(on);
    };
    for (point, value) in hooks.as_object().ok_or("on is not an object")? {
        let index = POINTS.iter().position(|known| known == point);
        let index = index.ok_or_else(|| format!("on.{point} is no point"))?;
        on[index] = lists(value, point, count)?;
    }
    Ok(on)
}

fn lists(value: &Value, name: &str, count: Option<usize>) -> Result<Vec<Vec<Aimed>>, String> {
    let lists = value
        .as_array()
        .ok_or_else(|| format!("{name} is not a list"))?;
    let list = |list: &Value| {
        let actions = list
            .as_array()
            .ok_or_else(|| format!("{name} has {list}, which is not a list"))?;
        actions.iter().map(|value| action(value, count)).collect()
    };
    lists.iter().map(list).collect()
}

fn action(value: &Value, count: Option<usize>) -> Result<Aimed, String> {
    let wrong = || format!("{value} is no action");
    let text = value.as_str().ok_or_else(wrong)?;
    let (stream, text) = match count {
        None => (0, text),
        Some(count) => {
            let (number, text) = split_number(text).ok_or_else(wrong)?;
            let stream = number.parse().map_err(|_| wrong())?;
            if stream >= count {
                return Err(format!("{value} is for none of the {count} streams"));
            }
            (stream, text)
        }
    };
    let action = parse_action(text).ok_or_else(wrong)?;
    Ok(Aimed { stream, action })
}

/// Splits the digits at the beginning off.
fn split_number(text: &str) -> Option<(&str, &str)> {
    text.split_at_checked(text.find(|letter: char| !letter.is_ascii_digit())?)
}

fn parse_action(text: &str) -> Option<Action> {
    let mut letters = text.chars();
    let first = letters.next()?;
    let rest = letters.as_str();
    let ok = || match rest {
        "0" => Some(true),
        "1" => Some(false),
        _ => None,
    };
    Some(match first {
        'w' => write(1, rest)?,
        'r' => {
            let (times, write_rest) = rest.split_once('x')?;
            write(digits(times)?.try_into().ok()?, write_rest)?
        }
        'e' => {
            let (len, callback) = split_last(rest)?;
            let chunk = match len {
                "-" => None,
                len => Some(digits(len)?),
            };
            let callback = match callback {
                'n' => false,
                'o' => true,
                _ => return None,
            };
            Action::End { chunk, callback }
        }
        'c' if rest.is_empty() => Action::Cork,
        'u' if rest.is_empty() => Action::Uncork,
        'd' => Action::Destroy { error: !ok()? },
        'k' => Action::Answer { ok: ok()? },
        'K' => Action::Again { ok: ok()? },
        'p' => Action::Progress(digits(rest)?),
        'f' => Action::Final { ok: ok()? },
        'o' => Action::Construct { ok: ok()? },
        'x' => Action::DestroyHook { ok: ok()? },
        _ => return None,
    })
}

fn write(times: u32, rest: &str) -> Option<Action> {
    let (len, callback) = split_last(rest)?;
    let callback = match callback {
        'n' => None,
        'o' => Some(Function::Own),
        'a' => Some(Function::Shared('A')),
        'b' => Some(Function::Shared('B')),
        _ => return None,
    };
    let len = digits(len)?;
    Some(Action::Write {
        times,
        len,
        callback,
    })
}

fn split_last(text: &str) -> Option<(&str, char)> {
    let last = text.chars().next_back()?;
    Some((&text[..text.len() - last.len_utf8()], last))
}

/// Digits only: `parse` alone would take a sign.
fn digits(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}
