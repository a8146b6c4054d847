"""Plants mutants in the text of a Rust source: all of them at once, each behind a switch.

The body of a function that has mutants becomes a `match` over the number of the mutant that is
switched on. Each arm is the whole body, with one of them in it:

    fn twice(n: u32) -> u32 {
        match crate::mutant(17) {
            17u32 => { n + 2 }
            18u32 => { 0 }
            _ => { n * 2 }
        }
    }

The function is known by the number of its first mutant. It also writes down that it was reached,
if a file is named for that.
"""

import re
from pathlib import Path
from typing import NamedTuple

MUTANT, REACHED = "HIGHWATER_MUTANT", "HIGHWATER_REACHED"

# Functions that are `const` have mutants as well. While the compiler evaluates one, none is
# switched on. Stable Rust has nothing that tells both apart: see RUSTC_BOOTSTRAP in builds.py.
FEATURES = "#![feature(core_intrinsics, const_eval_select)]\n"
SWITCH = f"""
pub(crate) const fn mutant(function: usize) -> u32 {{
    const fn none(_: usize) -> u32 {{
        0
    }}
    fn chosen(function: usize) -> u32 {{
        use ::std::{{env, fs, io::Write, path::PathBuf, string::ToString, sync::OnceLock}};
        use ::core::sync::atomic::{{AtomicBool, Ordering::Relaxed}};
        static CHOSEN: OnceLock<(u32, Option<PathBuf>)> = OnceLock::new();
        static KNOWN: [AtomicBool; COUNT] = [const {{ AtomicBool::new(false) }}; COUNT];
        let (number, file) = CHOSEN.get_or_init(|| {{
            let number = env::var("{MUTANT}").unwrap_or_default();
            (number.parse().unwrap_or_default(), env::var_os("{REACHED}").map(PathBuf::from))
        }});
        if let Some(file) = file {{
            if !KNOWN[function].load(Relaxed) && !KNOWN[function].swap(true, Relaxed) {{
                let mut file = fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
                file.write_all((function.to_string() + "\\n").as_bytes()).unwrap();
            }}
        }}
        *number
    }}
    ::core::intrinsics::const_eval_select((function,), none, chosen)
}}
"""

# What may stand between the attributes of a function and its body, and has brackets in it.
TOKEN = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\])*"|'(?:\\.[^']*|[^'\\])'|[\[\](){}]""", re.DOTALL)


class Span(NamedTuple):
    """Lines and columns, from 1; a column counts characters, and the last one is outside."""

    first: tuple[int, int]
    last: tuple[int, int]

    @classmethod
    def read(cls, span: dict) -> "Span":
        first, last = span["start"], span["end"]
        return cls((first["line"], first["column"]), (last["line"], last["column"]))


class Mutant(NamedTuple):
    """A mutant, by the name that cargo-mutants gives it: file, line, column, change."""

    name: str
    file: str
    # Which it is of those in its file that have the same short name.
    nth: int
    # Which it is of all, from 1.
    number: int
    span: Span
    replacement: str
    # Its function, from the first attribute to the last bracket. A constant is in none.
    function: Span | None
    returns: str

    def short(self) -> str:
        return short(self.name)

    def has_switch(self) -> bool:
        """Says whether a `match` can switch it on. In a constant there is no place for one, and
        the arms of a function that returns an `impl Trait` may have different types."""
        return self.function is not None and "impl " not in self.returns


def short(name: str) -> str:
    """Returns a name without line and column, so that it survives an edit elsewhere. Two in one
    function may have the same."""
    return re.sub(r"^([^:]+):\d+:\d+: ", r"\1: ", name)


class Arm(NamedTuple):
    """The lines of a planted source that are those of one mutant."""

    first: int
    last: int
    mutant: Mutant
    # The number of its function.
    function: int


class Source:
    """The text of a file, with the places of its lines."""

    def __init__(self, text: str):
        self.text = text
        self.starts = [0, *(at.end() for at in re.finditer("\n", text))]

    def at(self, place: tuple[int, int]) -> int:
        line, column = place
        return self.starts[line - 1] + column - 1

    def cut(self, first: int, last: int, mutant: Mutant) -> str:
        """Returns what is between these two places, with this mutant in it."""
        begin, end = map(self.at, mutant.span)
        if not first <= begin <= end <= last:
            raise ValueError(f"it is outside of its function: {mutant.name}")
        return self.text[first:begin] + mutant.replacement + self.text[end:last]

    def body(self, mutant: Mutant) -> tuple[int, int]:
        """Returns where the body of its function begins and ends, inside of the brackets."""
        first, last = map(self.at, mutant.function)
        depth = 0
        for token in TOKEN.finditer(self.text, first, last):
            if token[0] == "{" and depth == 0:
                if self.text[last - 1] == "}":
                    return token.end(), last - 1
                break
            depth += (token[0] in "[({") - (token[0] in "])}")
        raise ValueError(f"its function has no body: {mutant.name}")


def plant_one(text: str, mutant: Mutant) -> str:
    """Returns a source with this mutant alone, and without a switch."""
    return Source(text).cut(0, len(text), mutant)


def plant(text: str, mutants: list[Mutant]) -> tuple[str, list[Arm]]:
    """Returns a source with all of these, and which of its lines are whose."""
    source, planted, arms, done = Source(text), "", [], 0
    for group in by_function(mutants):
        first, last = source.body(group[0])
        planted += text[done:first] + f"match crate::mutant({group[0].number}) {{"
        for mutant in group:
            begin = planted.count("\n") + 2
            planted += f"\n{mutant.number}u32 => {{{source.cut(first, last, mutant)}\n}}"
            arms.append(Arm(begin, planted.count("\n") + 1, mutant, group[0].number))
        planted += f"\n_ => {{{text[first:last]}\n}}\n}}"
        done = last
    return planted + text[done:], arms


def by_function(mutants: list[Mutant]) -> list[list[Mutant]]:
    """Returns the mutants of each function. Those of one inside of another are the outer one's."""
    groups: list[list[Mutant]] = []
    for mutant in sorted(mutants, key=lambda each: each.function.first):
        if groups and mutant.function.first < groups[-1][0].function.last:
            groups[-1].append(mutant)
        else:
            groups.append([mutant])
    return groups


def plant_all(folder: Path, mutants: list[Mutant]) -> dict[str, list[Arm]]:
    """Plants these, and the switch, in the files of this folder. Returns which lines of them are
    whose."""
    arms = {}
    for file in sorted({mutant.file for mutant in mutants}):
        path = folder / file
        planted, arms[file] = plant(path.read_text(), [each for each in mutants if each.file == file])
        path.write_text(planted)
    root = folder / "src/lib.rs"
    for arm in arms.get("src/lib.rs", []):
        raise ValueError(f"the root of the library has the switch itself: {arm.mutant.name}")
    count = max([0, *(mutant.number for mutant in mutants)]) + 1
    root.write_text(FEATURES + root.read_text() + SWITCH.replace("COUNT", str(count)))
    return arms
