//! Reads a state graph that was exported from the specification, and forgets
//! the states in which the stream itself is at work: exactly one thing can
//! happen there, and the code does it within one action.

use std::collections::{BTreeMap, HashMap};

use super::graph::Graph;
use super::notation::{Item, MachineText, Parts, chunk_text};

/// A value of the specification.
#[derive(Debug)]
enum Value {
    Text(String),
    Record(BTreeMap<String, Value>),
    List(Vec<Value>),
}

/// Reads a graph in DOT, each node with all variables.
pub fn read(dot: &str) -> Result<Graph, String> {
    let mut nodes = HashMap::new();
    let mut edges: HashMap<&str, Vec<(&str, &str)>> = HashMap::new();
    for (index, line) in dot.lines().enumerate() {
        let wrong = |what: String| format!("line {}: {what}", index + 1);
        let Some((name, label)) = line.trim().split_once(" [label=\"") else {
            continue;
        };
        let label = label
            .strip_suffix("\"];")
            .ok_or_else(|| wrong("no end of label".into()))?;
        match name.split_once(" -> ") {
            Some((from, to)) => edges.entry(from).or_default().push((label, to)),
            None => {
                let state = node(label).map_err(wrong)?;
                nodes.insert(name, state);
            }
        }
    }
    contract(&nodes, &edges)
}

/// The text of a state, and whether the world may act in it.
type Node = (String, bool);

fn contract(
    nodes: &HashMap<&str, Node>,
    edges: &HashMap<&str, Vec<(&str, &str)>>,
) -> Result<Graph, String> {
    let start = nodes.get("s0").ok_or("there is no first state")?;
    let mut graph = Graph::new(start.0.clone());
    for (name, (text, _)) in nodes.iter().filter(|(_, (_, stable))| *stable) {
        graph.add_state(text);
        for (action, to) in edges.get(name).into_iter().flatten() {
            let mut to = *to;
            // As long as there are nodes: else it goes round for ever.
            for left in (0..=nodes.len()).rev() {
                if left == 0 {
                    return Err(format!(
                        "the stream never stops working after {action} in: {text}"
                    ));
                }
                let node = nodes.get(to).ok_or_else(|| format!("no node {to}"))?;
                if node.1 {
                    graph.add_edge(text, action, &node.0);
                    break;
                }
                let [(_, next)] = edges.get(to).map_or(&[][..], Vec::as_slice) else {
                    return Err(format!("not exactly one thing can happen in: {}", node.0));
                };
                to = next;
            }
        }
    }
    Ok(graph)
}

fn node(label: &str) -> Result<Node, String> {
    let mut variables = BTreeMap::new();
    for line in label.split("\\n") {
        let (name, value) = line.split_once('=').ok_or("a variable without a value")?;
        let value = value.replace("\\\"", "\"");
        variables.insert(name, parse(&value)?);
    }
    let get = |name: &str| variables.get(name).ok_or(format!("no variable {name}"));
    let todo = items(get("todo")?)?;
    let stable = todo
        .first()
        .is_none_or(|item| item.what.starts_with(char::is_lowercase));
    let texts = |items: Vec<Item>| items.iter().map(Item::text).collect();
    let parts = Parts {
        machine: machine(get("s")?)?,
        queue: list(get("queue")?)?
            .iter()
            .map(chunk)
            .collect::<Result<_, _>>()?,
        flight: strings(get("flight")?)?,
        kept: strings(get("kept")?)?,
        ticks: texts(items(get("ticks")?)?),
        todo: texts(todo),
        owes: strings(get("owes")?)?,
    };
    Ok((parts.text(), stable))
}

fn machine(value: &Value) -> Result<String, String> {
    let text = |name: &str| text(field(value, name)?);
    let flag = |name: &'static str| Ok::<_, String>((name, text(name)? == "true"));
    let machine = MachineText {
        length: text("length")?.to_owned(),
        in_flight: text("inFlight")?.to_owned(),
        pending: text("pending")?.to_owned(),
        corked: text("corked")?.to_owned(),
        errored: text("errored")?,
        opening: text("opening")?,
        sink: text("sink")?,
        ending: text("ending")?,
        teardown: text("teardown")?,
        reason: text("reason")?,
        flags: [
            flag("errorTold")?,
            flag("flightCb")?,
            flag("queueCb")?,
            flag("sync")?,
            flag("flushing")?,
            flag("needDrain")?,
            flag("afterWriteWaits")?,
        ],
    };
    Ok(machine.text())
}

fn chunk(value: &Value) -> Result<String, String> {
    let callback = text(field(value, "cb")?)? == "true";
    Ok(chunk_text(
        number(field(value, "id")?)?,
        number(field(value, "len")?)?,
        callback,
    ))
}

fn items(value: &Value) -> Result<Vec<Item>, String> {
    list(value)?.iter().map(item).collect()
}

fn item(value: &Value) -> Result<Item, String> {
    let fault = text(field(value, "fault")?)?;
    let ids = list(field(value, "ids")?)?.iter();
    Ok(Item {
        what: text(field(value, "what")?)?.to_owned(),
        fault: if fault == "-" {
            String::new()
        } else {
            fault.to_owned()
        },
        flag: text(field(value, "flag")?)? == "true",
        ids: ids.map(number).collect::<Result<_, _>>()?,
    })
}

fn field<'a>(value: &'a Value, name: &str) -> Result<&'a Value, String> {
    match value {
        Value::Record(fields) => fields.get(name).ok_or(format!("no field {name}")),
        _ => Err(format!("not a record: {value:?}")),
    }
}

fn list(value: &Value) -> Result<&[Value], String> {
    match value {
        Value::List(items) => Ok(items),
        _ => Err(format!("not a list: {value:?}")),
    }
}

fn strings(value: &Value) -> Result<Vec<String>, String> {
    let items = list(value)?.iter();
    items.map(|item| text(item).map(str::to_owned)).collect()
}

fn text(value: &Value) -> Result<&str, String> {
    match value {
        Value::Text(text) => Ok(text),
        _ => Err(format!("not a plain value: {value:?}")),
    }
}

fn number<T: std::str::FromStr>(value: &Value) -> Result<T, String> {
    let text = text(value)?;
    text.parse().map_err(|_| format!("not a number: {text}"))
}

fn parse(text: &str) -> Result<Value, String> {
    let mut rest = text;
    let value = parse_value(&mut rest)?;
    if rest.is_empty() {
        Ok(value)
    } else {
        Err(format!("unread: {rest}"))
    }
}

fn parse_value(rest: &mut &str) -> Result<Value, String> {
    if let Some(after) = rest.strip_prefix("<<") {
        *rest = after;
        return parse_list(rest, ">>").map(Value::List);
    }
    if let Some(after) = rest.strip_prefix('{') {
        *rest = after;
        return parse_list(rest, "}").map(Value::List);
    }
    if let Some(after) = rest.strip_prefix('[') {
        *rest = after;
        return parse_record(rest);
    }
    if let Some(after) = rest.strip_prefix('"') {
        let (inner, after) = after.split_once('"').ok_or("a string without an end")?;
        *rest = after;
        return Ok(Value::Text(inner.to_owned()));
    }
    let end = rest.find([',', ']', '>', '}']).unwrap_or(rest.len());
    let (plain, after) = rest.split_at(end);
    *rest = after;
    Ok(Value::Text(plain.to_owned()))
}

fn parse_list(rest: &mut &str, close: &str) -> Result<Vec<Value>, String> {
    let mut items = Vec::new();
    loop {
        if let Some(after) = rest.strip_prefix(close) {
            *rest = after;
            return Ok(items);
        }
        items.push(parse_value(rest)?);
        *rest = rest.strip_prefix(", ").unwrap_or(rest);
        if rest.is_empty() {
            return Err(format!("no {close}"));
        }
    }
}

fn parse_record(rest: &mut &str) -> Result<Value, String> {
    let mut fields = BTreeMap::new();
    loop {
        if let Some(after) = rest.strip_prefix(']') {
            *rest = after;
            return Ok(Value::Record(fields));
        }
        let (name, after) = rest.split_once(" |-> ").ok_or("a field without a value")?;
        let name = name.to_owned();
        *rest = after;
        fields.insert(name, parse_value(rest)?);
        *rest = rest.strip_prefix(", ").unwrap_or(rest);
    }
}
