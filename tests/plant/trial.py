"""A copy of the sources, in which faults are planted and tests run."""

import hashlib
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import NamedTuple

# The clock finds out what hangs: without a fault each test takes a few seconds at most, also
# where others use the processor. A model of loom ends by itself, but may take its time.
SECONDS = 20
SECONDS_OF_LOOM = 600


# How the tests run that cargo alone does not build; the name of the test comes last.
SCRIPTS = {
    "loom": ["tests/loom.sh", "plain"],
    "loom_awake": ["tests/loom.sh", "awake"],
    "loom_future": ["tests/loom.sh", "future"],
    "loom_body": ["tests/loom.sh", "body"],
    "loom_lease": ["tests/loom.sh", "lease"],
    "shuttle": ["tests/shuttle.sh"],
    "record": ["tests/record.sh", "record"],
}

USES = "uses/"


class Test(NamedTuple):
    """A test: `binary::name`. The binary `loom` has a further mode, `loom_awake`. Those of
    examples/uses are `uses/binary::name`."""

    text: str

    def mode(self) -> str:
        """Returns how it is built: by cargo alone, or which of the scripts."""
        binary = self.text.split("::")[0]
        return binary if binary in SCRIPTS else "cargo"

    def binary(self) -> str:
        binary = self.text.split("::")[0].removeprefix(USES)
        return "loom" if binary == "loom_awake" else binary

    def package(self) -> list[str]:
        """Returns how cargo finds its package."""
        return ["-p", "highwater-uses"] if self.text.startswith(USES) else []

    def paths(self, root: Path) -> list[Path]:
        """Returns where its binary may be."""
        name = self.binary()
        if self.package():
            return [root / f"examples/uses/tests/{name}.rs"]
        return [root / f"tests/{name}.rs", root / f"tests/{name}/main.rs", root / f"examples/tests/{name}.rs"]

    def name(self) -> str:
        return self.text.split("::", 1)[1]


class Copy:
    """The copy. What is built of it stays, so that only what has changed is built."""

    def __init__(self, root: Path, target: Path):
        self.root = root
        self.folder = target / "copy"
        self.output = target / "output"
        self.environment = dict(
            os.environ,
            CARGO_TARGET_DIR=str(target / "build"),
            # Most of a trial is the build: what is not optimized is built soon enough to make
            # up for tests that run longer.
            CARGO_PROFILE_TEST_OPT_LEVEL="0",
            CARGO_PROFILE_TEST_DEBUG="0",
            # The same random tests each time.
            HIGHWATER_SEED=os.environ.get("HIGHWATER_SEED", "1"),
        )

    def refresh(self) -> str:
        """Makes it equal to the sources. Returns a digest of all that is built of it."""
        command = ["git", "ls-files", "-coz", "--exclude-standard"]
        listed = subprocess.run(command, cwd=self.root, check=True, capture_output=True)
        paths = {path for path in listed.stdout.decode().split("\0") if path}
        paths = {path for path in paths if (self.root / path).is_file()}
        digest = hashlib.sha256()
        for path in sorted(paths):
            source, target = self.root / path, self.folder / path
            contents = source.read_bytes()
            if not path.startswith(("tests/plant/", "tests/plant.sh")) and not path.endswith(".md"):
                digest.update(f"{path}\0{len(contents)}\0".encode() + contents)
            # What is as it was keeps its time, so cargo does not build it again.
            if not target.is_file() or target.read_bytes() != contents:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)
                os.utime(target)
        for target in list(self.folder.rglob("*")):
            if target.is_file() and str(target.relative_to(self.folder)) not in paths:
                target.unlink()
        return digest.hexdigest()

    def write(self, path: Path, source: str) -> str:
        """Returns what was there."""
        original = (self.folder / path).read_text()
        (self.folder / path).write_text(source)
        return original

    def build(self, tests: list[Test]) -> str:
        """Builds tests of cargo, and the examples that they run. Returns a verdict."""
        uses = sorted({test.binary() for test in tests if test.package()})
        binaries = sorted({test.binary() for test in tests if not test.package()})
        examples = [
            name
            for name in binaries
            if any((self.root / f"examples/{path}").exists() for path in (f"{name}.rs", f"{name}/main.rs"))
        ]
        build = ["build", "--profile=test", *(f"--example={name}" for name in examples)]
        commands = [build] if examples else []
        for package, names in (([], binaries), (["-p", "highwater-uses"], uses)):
            if names:
                commands += [["test", "--no-run", *package, *(f"--test={name}" for name in names)]]
        for command in commands:
            if self.run(["cargo", *command, "--locked", "--quiet"]) != 0:
                return "does not compile"
        return "passes"

    def verdict(self, test: Test, seconds: int | None = None) -> str:
        """Runs a test. Returns `passes`, `fails`, `hangs`, or why it has not run."""
        if test.mode() == "cargo":
            command = ["cargo", "test", "--locked", "--quiet", *test.package()]
            command += ["--test", test.binary(), "--", test.name()]
            code = self.run(command, seconds or SECONDS)
        else:
            command = [*SCRIPTS[test.mode()], test.name()]
            code = self.run(command, seconds or SECONDS_OF_LOOM)
        output = self.output.read_text(errors="replace")
        if code is None:
            return "hangs"
        if "could not compile" in output:
            return "does not compile"
        if code != 0:
            return "fails" if "error: test failed" in output else "does not run"
        return "passes" if "test result: ok. 0 passed" not in output else "is no test"

    def run(self, command: list[str], seconds: int | None = None) -> int | None:
        """Returns the status of a command, or None after so many seconds."""
        with self.output.open("w") as output:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                return process.wait(seconds)
            except subprocess.TimeoutExpired:
                return None
            finally:
                # It has a group of its own, with all that it has started.
                if process.returncode is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()

    def tail(self) -> str:
        return "\n".join(self.output.read_text(errors="replace").splitlines()[-20:])
