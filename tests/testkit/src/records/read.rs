//! Reads what `{:?}` prints of options and inputs.

use highwater::machine::{End, ErrorId, Fault, Input, Leased, Measure, Options, Quirks};

/// A value: its name, or number, and what stands in its brackets.
#[derive(Debug)]
struct Value<'a> {
    name: &'a str,
    fields: Vec<(&'a str, Value<'a>)>,
}

type Read<T> = Result<T, String>;

/// Reads one value, and returns what follows.
fn value(text: &str) -> Read<(Value<'_>, &str)> {
    let end = text.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
    let (name, mut rest) = text.split_at(end.unwrap_or(text.len()));
    let mut fields = Vec::new();
    let (open, close) = match rest.trim_start().chars().next() {
        Some('(') => ('(', ')'),
        Some('{') => ('{', '}'),
        _ => return Ok((Value { name, fields }, rest)),
    };
    rest = rest.trim_start();
    rest = rest.strip_prefix(open).unwrap_or(rest).trim_start();
    while !rest.starts_with(close) {
        let mut key = "";
        if close == '}' {
            (key, rest) = rest.split_once(": ").ok_or("a field has no name")?;
        }
        let (field, after) = value(rest)?;
        if after.len() == rest.len() {
            return Err(format!("no value at {rest:?}"));
        }
        fields.push((key, field));
        rest = after.trim_start().trim_start_matches(',').trim_start();
    }
    Ok((Value { name, fields }, &rest[1..]))
}

fn whole(text: &str) -> Read<Value<'_>> {
    match value(text)? {
        (value, "") => Ok(value),
        (_, rest) => Err(format!("{rest:?} follows a value")),
    }
}

impl<'a> Value<'a> {
    fn field(&self, key: &str) -> Read<&Value<'a>> {
        let found = self.fields.iter().find(|(name, _)| *name == key);
        let (_, field) = found.ok_or_else(|| format!("{} has no field {key:?}", self.name))?;
        Ok(field)
    }

    fn number<N: std::str::FromStr>(&self) -> Read<N> {
        let number = self.name.parse();
        number.map_err(|_| format!("{:?} is not a number", self.name))
    }

    fn flag(&self) -> Read<bool> {
        self.number()
    }

    fn fault(&self) -> Read<Fault> {
        Ok(match self.name {
            "Caller" => Fault::Caller(ErrorId(self.field("")?.field("")?.number()?)),
            "WriteAfterEnd" => Fault::WriteAfterEnd,
            "Destroyed" => Fault::Destroyed,
            "AlreadyFinished" => Fault::AlreadyFinished,
            "MultipleCallback" => Fault::MultipleCallback,
            "TooLong" => Fault::TooLong,
            "NotImplemented" => Fault::NotImplemented,
            name => return Err(format!("{name:?} is not a fault")),
        })
    }

    fn option<T>(&self, read: impl Fn(&Value<'a>) -> Read<T>) -> Read<Option<T>> {
        match self.name {
            "None" => Ok(None),
            "Some" => read(self.field("")?).map(Some),
            name => Err(format!("{name:?} is not an option")),
        }
    }

    fn result(&self) -> Read<Result<(), Fault>> {
        match self.name {
            "Ok" => Ok(Ok(())),
            "Err" => Ok(Err(self.field("")?.fault()?)),
            name => Err(format!("{name:?} is not a result")),
        }
    }

    fn measure(&self) -> Read<Measure> {
        let len = self.field("len")?.number()?;
        let callback = self.field("callback")?.flag()?;
        Ok(Measure { len, callback })
    }

    fn leased(&self) -> Read<Leased> {
        Ok(match self.name {
            "Queued" => Leased::Queued {
                chunks: self.field("chunks")?.number()?,
                len: self.field("len")?.number()?,
                callback: self.field("callback")?.flag()?,
            },
            "Written" => Leased::Written {
                callbacks: self.field("callbacks")?.number()?,
                deferred: self.field("deferred")?.flag()?,
            },
            "Called" => Leased::Called {
                callbacks: self.field("callbacks")?.number()?,
            },
            "Flushed" => Leased::Flushed {
                answers: self.field("answers")?.number()?,
                len: self.field("len")?.number()?,
            },
            name => return Err(format!("{name:?} was not done on a lease")),
        })
    }
}

/// What a callback is called with.
pub(super) fn result(text: &str) -> Read<Result<(), Fault>> {
    whole(text)?.result()
}

/// An input that comes from outside, or `None`: a task or a continuation.
pub(super) fn input(text: &str) -> Read<Option<Input>> {
    let value = whole(text)?;
    let one = || value.field("");
    Ok(Some(match value.name {
        "Run" | "Resume" => return Ok(None),
        "Start" => Input::Start,
        "Write" => Input::Write(one()?.measure()?),
        "Cork" => Input::Cork,
        "Uncork" => Input::Uncork,
        "End" => Input::End(End {
            refused: one()?.field("refused")?.option(Value::fault)?,
            callback: one()?.field("callback")?.flag()?,
        }),
        "Destroy" => Input::Destroy(one()?.option(Value::fault)?),
        "Written" => Input::Written {
            result: value.field("result")?.result()?,
            again: value.field("again")?.flag()?,
        },
        "Progress" => Input::Progress(one()?.number()?),
        "Constructed" => Input::Constructed(one()?.result()?),
        "Finalized" => Input::Finalized(one()?.result()?),
        "Destroyed" => Input::Destroyed(one()?.option(Value::fault)?),
        "Joined" => Input::Joined,
        "Settle" => Input::Settle(one()?.leased()?),
        name => return Err(format!("{name:?} is not an input")),
    }))
}

/// Options, with their quirks.
pub(super) fn options(text: &str) -> Read<(Options, Quirks)> {
    let value = whole(text)?;
    let flag = |name| value.field(name)?.flag();
    let mut options = Options::new()
        .with_high_water_mark(value.field("high_water_mark")?.number()?)
        .with_low_water_mark(value.field("low_water_mark")?.number()?)
        .with_limit(value.field("limit")?.number()?)
        .with_object_mode(flag("object_mode")?)
        .with_auto_destroy(flag("auto_destroy")?)
        .with_refusals_fail(flag("refusals_fail")?)
        .with_emit_close(flag("emit_close")?)
        .with_batches(flag("batches")?)
        .with_construct(flag("construct")?)
        .with_finalize(flag("finalize")?);
    let mut all = Quirks::NONE;
    // A library without the feature `node` has no quirks.
    if let Ok(quirks) = value.field("quirks") {
        let wanted: u16 = quirks.field("")?.number()?;
        for (_, quirk) in Quirks::ALL {
            let bit: u16 = whole(&format!("{quirk:?}"))?.field("")?.number()?;
            if wanted & bit != 0 {
                all = all | quirk;
            }
        }
        options = options.with_quirks(all);
    }
    Ok((options, all))
}
