"""Plants faults in copies of src/ and expects .ci/arrows.py to name each of them.

A fault is text added to files. What the tree itself has is not counted.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from arrows import check

# What is planted, {file: text}, and the parts of the one line expected; None for no line.
# The files of a plant are declared in the `mod.rs` of their folder, or in lib.rs.
DECLARED = "pub(crate) mod planted_a; pub(crate) mod planted_b;\n"
A, B, FOLDER = "machine/planted_a.rs", "machine/planted_b.rs", "machine/mod.rs"
PLANTS = {
    "two files import each other": (
        {FOLDER: DECLARED, A: "use super::planted_b::B; pub struct A;", B: "use super::planted_a::A; pub struct B;"},
        ["circle:", f"{A}:1 uses {B}", f"{B}:1 uses {A}"]),
    "a circle through paths, without an import": (
        {FOLDER: DECLARED, A: "pub struct A(crate::machine::planted_b::B);",
         B: "pub struct B;\nfn f() -> bool { matches!(0, super::planted_a::A) }"},
        ["circle:", f"{A}:1 uses {B}", f"{B}:2 uses {A}"]),
    "a circle through a re-export by name": (
        {FOLDER: DECLARED + "pub use planted_b::B as Planted;",
         A: "use crate::machine::Planted; pub struct A;", B: "use super::planted_a::A; pub struct B;"},
        ["circle:", f"{A}:1 uses {B}", f"{B}:1 uses {A}"]),
    "a circle through a re-export of all names": (
        {FOLDER: DECLARED + "pub use planted_b::*;",
         A: "use super::{B, planted_a as own}; pub struct A;", B: "use super::planted_a::{self as other, A}; pub struct B;"},
        ["circle:", f"{A}:1 uses {B}", f"{B}:1 uses {A}"]),
    "a circle through an import of all names": (
        {FOLDER: DECLARED + "pub use planted_a::A;", A: "use super::planted_b::B; pub struct A;",
         B: "pub use planted_inner::*; pub struct B; mod planted_inner { pub use crate::machine::planted_a::*; }"},
        ["circle:", f"{A}:1 uses {B}", f"{B}:1 uses {A}"]),
    "a file that imports through the folder it belongs to": (
        {FOLDER: DECLARED + "pub use planted_a::A; pub use planted_b::B;", A: "use super::B; pub struct A;", B: "pub struct B;"},
        ["circle:", f"{A}:1 uses {FOLDER}", f"{FOLDER}:", f"uses {A}"]),
    "an arrow up": (
        {FOLDER: DECLARED, A: "", B: "use crate::chunk::Chunk;"},
        ["arrow up:", f"{B}:1 uses chunk.rs", "machine may not use base"]),
    "an arrow from the sinks to the machine": (
        {"lib.rs": "mod sink;", "sink/mod.rs": "fn f(x: crate::machine::fault::Fault) {}"},
        ["arrow up:", "sink/mod.rs:", "uses machine/fault.rs", "sink may not use machine"]),
    "an import through the façade": (
        {"lib.rs": "pub use machine::planted_a::A as Planted;", FOLDER: DECLARED,
         A: "pub struct A;", B: "\nuse crate::Planted;\nfn f() { Planted::new() }"},
        ["through the façade:", f"{B}:2 uses `crate::Planted`", "lib.rs re-exports"]),
    "a path through the façade": (
        {"lib.rs": "pub use machine::planted_a::A as Planted;", FOLDER: DECLARED,
         A: "pub struct A;", B: "fn f() { crate::Planted::new() }"},
        ["through the façade:", f"{B}:1 uses `crate::Planted::new`", "lib.rs re-exports"]),
    "a file without a floor": (
        {"lib.rs": "mod planted;", "planted.rs": ""}, ["no floor: planted.rs"]),
    "a file without a module": ({A: ""}, [f"no module: {A}"]),
    "a module without a file": ({FOLDER: "mod planted_a;"}, ["no file:", FOLDER, "planted_a"]),
    "a name that there is not": (
        {FOLDER: DECLARED, A: "use super::planted_b::Missing;", B: ""}, ["no such name:", f"{A}:1"]),
    "tests, comments and strings, which may use everything": (
        {"lib.rs": "pub use machine::planted_a::A as Planted;", FOLDER: DECLARED + "#[cfg(test)]\nmod planted_tests;",
         A: "pub struct A;\n/// [`crate::Planted`]\n#[cfg(test)]\n/// Tests.\nmod tests { use crate::Planted; }",
         B: 'fn f() { f!("crate::Planted", r"crate::Planted") } // crate::Planted',
         "machine/planted_tests.rs": "use crate::Planted;"},
        None),
}


def plant(folder, texts):
    for file, text in texts.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as to:
            to.write(text)


failed = 0
with tempfile.TemporaryDirectory() as place:
    before = set(check("src"))
    for number, (name, (texts, expected)) in enumerate(PLANTS.items()):
        copy = Path(place, str(number))
        shutil.copytree("src", copy)
        plant(copy, texts)
        found = [line for line in check(copy) if line not in before]
        named = [line for line in found if all(part in line for part in expected or [])]
        if (expected is None and found) or (expected is not None and (not named or len(found) > 1)):
            failed += 1
            print(f"not named: {name}. The lines are: {found}")
print(f"{len(PLANTS) - failed} of {len(PLANTS)} planted faults are found as expected")
sys.exit(1 if failed else 0)
