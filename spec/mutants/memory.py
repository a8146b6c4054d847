"""The verdicts of all runs until now, in a file."""

import hashlib
import json
import re
import subprocess
from pathlib import Path
from threading import Lock

from plan import ROOT, Part
from planting import Mutant

# What may change a verdict. Neither the reasons nor the faults of tests/plant do.
INPUTS = ["src", "tests", "examples", "spec/traces", "Cargo.toml", "Cargo.lock", ":!tests/plant", ":!*.md"]


class Memory:
    """Remembers what came of each mutant: `caught`, `timeout`, `unviable` or `missed`, and which
    test binary has noticed it."""

    def __init__(self, path: Path, forgets: bool):
        self.path = path
        if forgets:
            self.path.unlink(missing_ok=True)
        self.verdicts = json.loads(self.path.read_text()) if self.path.exists() else {}
        self.sources = digest(*INPUTS)
        self.files: dict[str, str] = {}
        self.lock = Lock()

    def keys(self, part: Part, mutant: Mutant) -> tuple[str, str]:
        """Returns under which key it is if it was noticed, and under which if it was missed."""
        if mutant.file not in self.files:
            self.files[mutant.file] = sha(code(ROOT / mutant.file))
        noticed = json.dumps([mutant.short(), mutant.nth, self.files[mutant.file]])
        return sha(noticed), sha(noticed + self.sources + json.dumps(sorted(part.tests)))

    def recall(self, part: Part, mutant: Mutant) -> str | None:
        noticed, missed = self.keys(part, mutant)
        verdict, binary = self.verdicts.get(noticed, (None, None))
        if verdict == "unviable" or binary in part.tests:
            return verdict
        return "missed" if missed in self.verdicts else None

    def store(self, part: Part, mutant: Mutant, verdict: str, binary: str | None) -> None:
        with self.lock:
            noticed, missed = self.keys(part, mutant)
            self.verdicts[missed if verdict == "missed" else noticed] = (verdict, binary)
            new = self.path.with_suffix(".new")
            new.write_text(json.dumps(self.verdicts, indent=0))
            new.replace(self.path)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def code(path: Path) -> str:
    """Returns the lines that have mutants: neither comments nor the tests at the end."""
    text = re.split(r"^#\[cfg\((?:all\()?test\b", path.read_text(), flags=re.MULTILINE)[0]
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("//"))


def digest(*paths: str) -> str:
    command = ["git", "ls-files", "-coz", "--exclude-standard", "--", *paths]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    whole = hashlib.sha256()
    for path in sorted(filter(None, listed.split("\0"))):
        if (ROOT / path).is_file():
            whole.update(path.encode() + (ROOT / path).read_bytes())
    return whole.hexdigest()
