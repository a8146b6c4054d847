"""Keeps what was found of each kind of input and of each law, for the next run and for
the other rows. Rows that run at the same time share the work: each takes what no other
has begun.
"""

import contextlib
import fcntl
import hashlib
import json
import pathlib

import induct
from induction import encoding, leases, level, values
from symbolic import engine, execute, memory, module, prove, solver, terms, words
from symbolic.build import FOLDER, HERE

# Whatever a result depends on, besides the module and the packages.
TEXTS = (induct, values, level, leases, encoding, engine, execute, memory, module, prove,
         solver, terms, words)


def key(data, *more):
    """Of what was found of this module."""
    texts = [pathlib.Path(text.__file__) for text in (*TEXTS, *more)]
    texts.append(HERE.parent / "requirements.txt")
    parts = [data, *(text.read_bytes() for text in texts)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def all_of(folder, tasks):
    """{name: result} of {name: a function that finds it}, none of them twice."""
    folder = FOLDER / "found" / folder
    folder.mkdir(parents=True, exist_ok=True)
    done = {}
    while len(done) < len(tasks):
        before = len(done)
        for name, find in tasks.items():
            if name not in done:
                result = one_of(folder / f"{name}.json", find, wait=False)
                if result is not None:
                    done[name] = result
        if len(done) == before:  # others are at all that is left
            name = next(name for name in tasks if name not in done)
            done[name] = one_of(folder / f"{name}.json", tasks[name], wait=True)
    return {name: done[name] for name in tasks}


def one_of(file, find, wait):
    """The result; None if another process is at it."""
    with open(file.with_suffix(".lock"), "w", encoding="utf-8") as lock:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            if not file.exists():
                made = file.with_suffix(".new")
                made.write_text(json.dumps(find()))
                made.rename(file)
            return json.loads(file.read_text())
    return None
