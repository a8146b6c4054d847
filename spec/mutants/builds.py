"""Builds the tests of a folder in which mutants are planted."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from planting import Arm, Mutant, plant_all


class Built(NamedTuple):
    """What cargo has said: where the test binaries are, and what does not compile. Also the
    number of the function that has a mutant."""

    binaries: dict[str, Path]
    errors: list[dict]
    functions: dict[Mutant, int]


class Builder:
    """Builds the tests of one package. `environment` is that of cargo."""

    def __init__(self, folder: Path, package: str, environment: dict[str, str]):
        self.folder = folder
        self.package = package
        self.environment = dict(
            environment,
            CARGO_BUILD_JOBS=os.environ.get("CARGO_BUILD_JOBS", "1"),
            # A mutant may break a lint, and is none the worse for that.
            RUSTFLAGS="--cap-lints=allow",
            # The switch needs a feature of the compiler that is not stable. No other package
            # may believe that it has such a compiler.
            RUSTC_BOOTSTRAP=package,
        )

    def build(self, tests: list[str]) -> Built:
        flags = ["--lib" if test == "lib" else f"--test={test}" for test in tests]
        command = ["cargo", "test", "--no-run", "--locked", "--quiet", "--message-format=json"]
        command += ["--package", self.package, *flags]
        run = subprocess.run(
            command, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        said = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
        errors = [each["message"] for each in said if each["reason"] == "compiler-message"]
        errors = [error for error in errors if error["level"] == "error"]
        if run.returncode != 0 and not errors:
            sys.exit(f"cargo has failed:\n{run.stderr}")
        return Built({name: path for each in said for name, path in binaries(each)}, errors, {})

    def switched(self, tests: list[str], mutants: list[Mutant], refresh) -> tuple[Built, set[Mutant]]:
        """Builds with all of these. Returns also those that do not compile, which are not in it."""
        unviable: set[Mutant] = set()
        # Most errors are in the library by itself, which is built sooner than the tests.
        for some in (["lib"], tests):
            while (built := self.planted(some, mutants, unviable, refresh)).errors:
                print(f"{len(unviable)} do not compile", flush=True)
        return built, unviable

    def planted(self, tests: list[str], mutants: list[Mutant], unviable: set[Mutant], refresh) -> Built:
        """Builds with all that are not known to be unviable, and adds those that are."""
        refresh()
        arms = plant_all(self.folder, [mutant for mutant in mutants if mutant not in unviable])
        built = self.build(tests)
        found = {mutant for error in built.errors for mutant in blamed(error, arms)}
        if built.errors and not found:
            sys.exit("no mutant has these errors:\n" + "\n".join(each["rendered"] for each in built.errors))
        unviable |= found
        functions = {arm.mutant: arm.function for of_file in arms.values() for arm in of_file}
        return built._replace(functions=functions)


def binaries(message: dict) -> list[tuple[str, Path]]:
    """Returns the test binary that this message of cargo is about."""
    if message["reason"] != "compiler-artifact" or not message["executable"] or not message["profile"]["test"]:
        return []
    target = message["target"]
    return [("lib" if "lib" in target["kind"] else target["name"], Path(message["executable"]))]


def blamed(error: dict, arms: dict[str, list[Arm]]) -> set[Mutant]:
    """Returns the mutants in whose lines this error is."""
    spans = [span for span in error["spans"] if span["is_primary"]]
    # An error in a macro is where the macro is called.
    spans += [span["expansion"]["span"] for span in spans if span["expansion"]]
    return {
        arm.mutant
        for span in spans
        for arm in arms.get(span["file_name"], [])
        if arm.first <= span["line_start"] and span["line_end"] <= arm.last
    }
