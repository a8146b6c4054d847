//! The constants of a configuration: those that the specification is checked
//! with, read from the same file.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use highwater::machine::{Options, Quirks};

/// What a stream is created with, and what the world around it may do.
#[derive(Clone, Debug)]
pub struct Bounds {
    pub options: Options,
    pub auto_destroy: bool,
    pub batches: bool,
    pub has_construct: bool,
    pub has_final: bool,
    pub quirks: Quirks,
    pub lens: Vec<u64>,
    /// Whether writes and ends may have a callback.
    pub with_callback: Vec<bool>,
    pub user_calls: Vec<String>,
    pub failing: Vec<String>,
    /// Ticks run as in Node: all of them, once a turn of the user is over.
    pub turns: bool,
    /// Answers may come twice, or without a call.
    pub twice: bool,
    /// How much the sink may report as done, of what it works on.
    pub parts: Vec<u64>,
    pub max_queue: usize,
    pub max_ticks: usize,
    pub max_cork: u32,
    pub max_ends: usize,
    pub max_nest: usize,
    pub numbered: bool,
    pub max_calls: u8,
}

impl Bounds {
    /// The configuration of this name: `Writable.cfg` and what its line in
    /// `configurations.txt` changes, both in this folder; then these changes.
    pub fn read(folder: &Path, name: &str, changes: &[String]) -> Result<Self, String> {
        let mut constants = Constants::read(folder, name)?;
        constants.change(changes.iter().map(String::as_str))?;
        Self::of(&constants)
    }

    /// A number that changes whenever the specification, or the constants of this
    /// configuration, change (comments do not count): 64-bit FNV-1a.
    pub fn fingerprint(folder: &Path, name: &str) -> Result<String, String> {
        let modules = file(folder, "Stream.tla")? + &file(folder, "Writable.tla")?;
        let lines = modules.lines().filter(|line| !line.starts_with("(*"));
        let lines = lines.map(|line| line.split("\\*").next().unwrap_or_default().trim_end());
        let lines = lines.filter(|line| !line.is_empty());
        let constants = Constants::read(folder, name)?.0.into_iter();
        let constants: BTreeMap<_, _> = constants.collect();
        let code: String = lines.flat_map(|line| [line, "\n"]).collect();
        let bytes = code.into_bytes().into_iter();
        let hash = bytes.chain(format!("{constants:?}").into_bytes());
        let hash = hash.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Ok(format!("{hash:016x}"))
    }

    /// A world in which nothing may happen yet.
    pub const fn new(options: Options) -> Self {
        Self {
            options,
            auto_destroy: true,
            batches: false,
            has_construct: false,
            has_final: false,
            quirks: Quirks::NONE,
            lens: Vec::new(),
            with_callback: Vec::new(),
            user_calls: Vec::new(),
            failing: Vec::new(),
            turns: false,
            twice: false,
            parts: Vec::new(),
            max_queue: 0,
            max_ticks: 0,
            max_cork: 0,
            max_ends: 0,
            max_nest: 0,
            numbered: false,
            max_calls: 0,
        }
    }

    /// The same with numbered calls, so many of them.
    pub fn numbered(&self, calls: u8) -> Self {
        Self {
            numbered: true,
            max_calls: calls,
            ..self.clone()
        }
    }

    fn of(constants: &Constants) -> Result<Self, String> {
        let mut quirks = Quirks::NONE;
        for name in constants.strings("Quirks")? {
            let quirk = Quirks::by_name(&name).ok_or(format!("no quirk is called {name}"))?;
            quirks = quirks | quirk;
        }
        let options = Options::new()
            .with_high_water_mark(constants.number("Mark")?)
            .with_low_water_mark(constants.number("LowMark")?)
            .with_limit(constants.number("Limit")?)
            .with_auto_destroy(constants.flag("AutoDestroy")?)
            .with_emit_close(constants.flag("EmitClose")?)
            .with_refusals_fail(constants.flag("RefusalsFail")?)
            .with_object_mode(constants.flag("ObjectMode")?)
            .with_batches(constants.flag("Batches")?)
            .with_construct(constants.flag("HasConstruct")?)
            .with_finalize(constants.flag("HasFinal")?)
            .with_quirks(quirks);
        Ok(Self {
            options,
            auto_destroy: constants.flag("AutoDestroy")?,
            batches: constants.flag("Batches")?,
            has_construct: constants.flag("HasConstruct")?,
            has_final: constants.flag("HasFinal")?,
            quirks,
            lens: constants.set("Lens", |item| item.parse().ok())?,
            with_callback: constants.set("WithCallback", boolean)?,
            user_calls: constants.strings("UserCalls")?,
            failing: constants.strings("Failing")?,
            turns: false,
            twice: constants.flag("Twice")?,
            parts: constants.set("Parts", |item| item.parse().ok())?,
            max_queue: constants.number("MaxQueue")?,
            max_ticks: constants.number("MaxTicks")?,
            max_cork: constants.number("MaxCork")?,
            max_ends: constants.number("MaxEnds")?,
            max_nest: constants.number("MaxNest")?,
            numbered: constants.flag("Numbered")?,
            max_calls: constants.number("MaxCalls")?,
        })
    }
}

struct Constants(HashMap<String, String>);

fn file(folder: &Path, name: &str) -> Result<String, String> {
    let path = folder.join(name);
    std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
}

impl Constants {
    /// Those of `Writable.cfg`, and what this line of `configurations.txt` changes.
    fn read(folder: &Path, name: &str) -> Result<Self, String> {
        let table = file(folder, "configurations.txt")?;
        let mut lines = table.lines().filter_map(|line| line.split_once(' '));
        let line = lines.find(|(known, _)| *known == name);
        let (_, line) = line.ok_or(format!("no configuration is called {name}"))?;
        let mut constants = Self::parse(&file(folder, "Writable.cfg")?);
        constants.change(line.split_whitespace())?;
        Ok(constants)
    }

    fn parse(file: &str) -> Self {
        let lines = file.lines().filter_map(|line| line.split_once('='));
        let pairs = lines.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
        Self(pairs.collect())
    }

    fn change<'a>(&mut self, changes: impl Iterator<Item = &'a str>) -> Result<(), String> {
        for change in changes {
            let (name, value) = change
                .split_once('=')
                .ok_or(format!("not NAME=VALUE: {change}"))?;
            let constant = self
                .0
                .get_mut(name)
                .ok_or(format!("no constant is called {name}"))?;
            value.clone_into(constant);
        }
        Ok(())
    }

    fn get(&self, name: &str) -> Result<&str, String> {
        let value = self.0.get(name).ok_or(format!("{name} is missing"))?;
        Ok(value)
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Result<T, String> {
        let value = self.get(name)?;
        let number = value.parse();
        number.map_err(|_| format!("{name} is no number of the right size: {value}"))
    }

    fn flag(&self, name: &str) -> Result<bool, String> {
        let value = self.get(name)?;
        boolean(value).ok_or(format!("{name} is neither TRUE nor FALSE: {value}"))
    }

    fn strings(&self, name: &str) -> Result<Vec<String>, String> {
        self.set(name, |item| {
            let inner = item.strip_prefix('"')?.strip_suffix('"')?;
            Some(inner.to_owned())
        })
    }

    fn set<T>(&self, name: &str, item: fn(&str) -> Option<T>) -> Result<Vec<T>, String> {
        let value = self.get(name)?;
        let wrong = || format!("{name} is not such a set: {value}");
        let inner = value.strip_prefix('{').and_then(|v| v.strip_suffix('}'));
        let inner = inner.ok_or_else(wrong)?.trim();
        if inner.is_empty() {
            return Ok(Vec::new());
        }
        let items = inner.split(',').map(|part| item(part.trim()));
        items.collect::<Option<_>>().ok_or_else(wrong)
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "TRUE" => Some(true),
        "FALSE" => Some(false),
        _ => None,
    }
}
