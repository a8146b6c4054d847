"""Builds the machine, from the sources of src/machine, for this proof.

A crate of its own is laid out in the target folder: a copy of src/machine, with a
fault in it if one is given, and beside it the files of port/. What is in port/append
is appended to the file of the same name, so that it sees the private fields there.
The crate becomes a WebAssembly module, which the proof reads, another one with the laws
of leases, and a program for this host, which replays counterexamples. They are kept by
the hash of what they are made of.
"""

import contextlib
import fcntl
import functools
import hashlib
import os
import pathlib
import re
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
MACHINE = ROOT / "src" / "machine"
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
FOLDER = TARGET / "symbolic"
WASM = "wasm32-unknown-unknown"
AT_THE_ROOT = "lib.rs", "replay.rs"  # of the crate; all others are parts of the machine
MANIFEST = """\
[package]
name = "machine"
version = "0.0.0"
edition = "2024"
[lib]
path = "lib.rs"
crate-type = ["cdylib"]
[[bin]]
name = "replay"
path = "replay.rs"
[dependencies]
thiserror = {{ version = "{thiserror}", default-features = false }}
[features]
laws = []
node = []
[profile.release]
panic = "abort"
opt-level = 1
codegen-units = 1
debug-assertions = true
overflow-checks = true
[workspace]
"""


class CannotBuild(Exception):
    pass


def module(fault=None, laws=False):
    """The WebAssembly module, as bytes. `fault` is (file, old text, new text)."""
    kind, more = ("laws", ["--features", "laws"]) if laws else ("step", [])
    return made(fault, kind, ["--lib", "--target", WASM, *more],
                f"{WASM}/release/machine.wasm").read_bytes()


def program(fault=None):
    """The path of the program that replays a counterexample."""
    return made(fault, "replay", ["--bin", "replay", "--features", "laws"], "release/replay")


def made(fault, kind, arguments, result):
    files = sources(fault)
    text = "".join(f"{name}\n{content}" for name, content in sorted(files.items()))
    key = hashlib.sha256((compiler() + text).encode()).hexdigest()[:16]
    kept = FOLDER / "built" / f"{key}.{kind}"
    with alone("build"):
        if not kept.exists():
            for name, content in files.items():
                (FOLDER / "crate" / name).parent.mkdir(parents=True, exist_ok=True)
                (FOLDER / "crate" / name).write_text(content)
            environment, more = os.environ.copy(), []
            if WASM in arguments and not has_target():
                environment, more = debian(environment)
            environment["CARGO_TARGET_DIR"] = str(FOLDER / "target")
            run(["cargo", "build", "--quiet", "--release", *arguments, *more],
                FOLDER / "crate", env=environment)
            kept.parent.mkdir(exist_ok=True)
            shutil.copy(FOLDER / "target" / result, kept)
    return kept


def sources(fault):
    """The files of the crate: {name: text}. Lines of comment are left out: a panic names its
    line, and so the module would change with a comment."""
    files = {f"machine/{file.name}": re.sub(r"(?m)^ *//.*\n", "", file.read_text())
             for file in MACHINE.glob("*.rs")}
    for file in (HERE / "port").glob("*.rs"):
        name = file.name if file.name in AT_THE_ROOT else f"machine/{file.name}"
        files[name] = file.read_text()
    for file in (HERE / "port" / "append").glob("*.rs"):
        files[f"machine/{file.name}"] += "\n" + file.read_text()
    if fault:
        name, old, new = fault
        if files[f"machine/{name}"].count(old) != 1:
            raise CannotBuild(f"{old!r} does not stand just once in {name}")
        files[f"machine/{name}"] = files[f"machine/{name}"].replace(old, new)
    manifest = (ROOT / "Cargo.toml").read_text()
    version = re.search(r'(?m)^thiserror = \{ version = "([^"]+)"', manifest)
    files["Cargo.toml"] = MANIFEST.format(thiserror=version[1])
    files["Cargo.lock"] = (ROOT / "Cargo.lock").read_text()
    return files


@contextlib.contextmanager
def alone(name):
    """One process at a time does this."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open(FOLDER / f"{name}.lock", "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@functools.cache
def has_target():
    return WASM in run(["rustup", "target", "list", "--installed"], ROOT, check=False).split()


@functools.cache
def compiler():
    """Which compiler makes the module: paths are counted for each."""
    said = run(["rustc" if has_target() else "/usr/bin/rustc", "-vV"], ROOT)
    return " ".join(re.findall(r"(?m)^(?:rustc .*|LLVM version: .*)$", said))


def debian(environment):
    """Where rustup has no such target: Debian's compiler, and its sources of core."""
    files = run(["dpkg", "-L", "rust-web-src"], ROOT).split()
    library = [file for file in files if re.fullmatch(r"/usr/src/rustc-[^/]*/library", file)]
    environment |= {
        "RUSTC": "/usr/bin/rustc", "RUSTC_BOOTSTRAP": "1",
        "__CARGO_TESTS_ONLY_SRC_ROOT": library[0],
        "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER": "wasm-ld",
        "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS": "-C linker-flavor=wasm-ld"}
    return environment, ["-Zbuild-std=core,panic_abort"]


def run(command, folder, check=True, **more):
    """What the command prints."""
    try:
        done = subprocess.run(command, cwd=folder, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)
    except FileNotFoundError:
        if check:
            raise CannotBuild(f"{command[0]} is missing") from None
        return ""
    if check and done.returncode:
        raise CannotBuild(f"{' '.join(command)}:\n{done.stdout}")
    return done.stdout
