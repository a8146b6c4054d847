"""Runs the mutants of a small library, and compares what came of them."""

import os
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from plan import mutants
from planting import Mutant
from runner import Runner
from trials import Outcome

PACKAGE = "sample"

# What is difficult in it: brackets in comments, strings and signatures, letters of more than
# one byte, a function inside of another, a constant, a type that has no name.
SOURCE = r"""
//! A sample { of all }.
pub const LIMIT: u32 = 2 << 1;
/// Doubles; `}` is no end.
#[doc = "{[("]
pub const fn twice(n: u32) -> u32 { /* ü { */ n * 2 }
pub const FOUR: u32 = twice(2);
pub struct Pair(pub u32, pub char);
impl Pair {
    pub fn is_open<'a>(&'a self, [_, _]: [u32; { 2 }]) -> bool where Self: 'a {
        // The words of the next line are no code: "ü", '{'.
        let ("ü", '{') = ("ü", self.1) else { return false };
        fn least() -> u32 { 3 }
        self.0 > least()
    }
}
pub fn count(to: u32) -> impl Iterator<Item = u32> { 0..to }
pub fn ends(mut n: u8) { while n != 0 { n -= 1; } }
pub fn unused(n: u32) -> bool { n < 5 }
pub struct Plain(());
pub fn made() -> Box<Plain> { Box::new(Plain(())) }
"""

TEST = """
use sample::*;
#[test] fn constants() { assert_eq!((LIMIT, FOUR, twice(3)), (4, 4, 6)); }
#[test] fn pairs() { assert!(Pair(4, '{').is_open([0; 2]) && !Pair(3, '{').is_open([0; 2])); }
#[test] fn iterators() { assert_eq!(count(3).collect::<Vec<_>>(), [0, 1, 2]); }
#[test] fn loops() { ends(3); made(); }
"""

FILES = {
    "Cargo.toml": f'[package]\nname = "{PACKAGE}"\nedition = "2024"\n',
    "Cargo.lock": f'version = 4\n\n[[package]]\nname = "{PACKAGE}"\nversion = "0.0.0"\n',
    "src/lib.rs": "mod source;\npub use source::*;\n",
    "src/source.rs": SOURCE,
    "tests/sample.rs": TEST,
}

EXPECTED = """
caught: replace << with >>
caught: replace twice -> u32 with 0
caught: replace twice -> u32 with 1
caught: replace * with + in twice
caught: replace * with / in twice
caught: replace Pair::is_open -> bool with true
caught: replace Pair::is_open -> bool with false
caught: replace Pair::is_open::least -> u32 with 0
caught: replace Pair::is_open::least -> u32 with 1
caught: replace > with == in Pair::is_open
caught: replace > with < in Pair::is_open
caught: replace > with >= in Pair::is_open
caught: replace count -> impl Iterator<Item = u32> with ::std::iter::empty()
caught: replace count -> impl Iterator<Item = u32> with ::std::iter::once(0)
caught: replace count -> impl Iterator<Item = u32> with ::std::iter::once(1)
missed: replace ends with ()
missed: replace != with == in ends
caught: replace -= with += in ends
timeout: replace -= with /= in ends
missed: replace unused -> bool with true
missed: replace unused -> bool with false
missed: replace < with == in unused
missed: replace < with > in unused
missed: replace < with <= in unused
unviable: replace made -> Box<Plain> with Box::new(Default::default())
"""


def self_test(folder: Path) -> list[str]:
    """Returns where the verdicts differ from what they have to be."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def refresh() -> None:
        for name in ("src/lib.rs", "src/source.rs"):
            (folder / name).write_text(FILES[name])

    verdicts = []

    def report(mutant: Mutant, outcome: Outcome) -> None:
        verdicts.append(f"{outcome.verdict}: {mutant.short().split(': ')[1]}")

    environment = dict(os.environ, CARGO_TARGET_DIR=str(folder / "target"))
    with redirect_stdout(StringIO()):
        Runner(folder, PACKAGE, environment, refresh).run([(["sample"], mutants(folder, PACKAGE))], report)
    expected = EXPECTED.strip().splitlines()
    wrong = [f"the sample has not: {each}" for each in expected if each not in verdicts]
    return wrong + [f"the sample has: {each}" for each in verdicts if each not in expected]
