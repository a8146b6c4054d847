"""Checks which file of src/ uses which.

An arrow goes from a file to each file that it names something of, in a `use` or
in a path. A name that is re-exported leads to the file of its definition, and to
each file that re-exports it on the way. `mod x;` is no arrow. Tests and comments
are not read.

The check fails on
- a circle of files;
- an arrow from a floor to a floor above it;
- an import through the façade, from a file that is not of the façade;
- a file without a floor, or without a `mod` that declares it.
"""

import sys
from collections import deque
from pathlib import Path

from rust_names import Module, Tree

# From the top down. A line may use itself and the lines below it. The floors of one
# line may not use each other. A folder ends with a slash.
FLOORS = [
    {"facade": ["lib.rs", "guide/"]},
    {"log": ["log/"]},
    {"io": ["io/"]},
    {"worker": ["worker/"]},
    {"handle": ["handle/"]},
    {"stream": ["stream/"]},
    {"driver": ["driver/"]},
    {"base": ["cause.rs", "chunk.rs", "sync.rs"]},
    {"machine": ["machine/"], "sink": ["sink/"]},
]


def floor_of(file):
    """Returns the floor of a file and its height, or None."""
    for depth, line in enumerate(FLOORS):
        for floor, places in line.items():
            if any(file == place or place[-1] == "/" and file.startswith(place) for place in places):
                return floor, -depth
    return None


def facade(file):
    return (floor_of(file) or [None])[0] == "facade"


def arrows_of(tree):
    """Returns {file: {file: (line, path)}}, and the faults met on the way."""
    faults = [f"no file: {file} declares `mod {name}`" for file, name in tree.missing]
    arrows = {file: {} for file in tree.seen}
    for module, (path, line) in ((m, path) for m in tree.modules for path in m.paths):
        file, name = module.file, "::".join(path)
        hits = tree.resolve(module, path)
        if not hits and path[0] in ("crate", "self", "super"):
            faults.append(f"no such name: {file}:{line} uses `{name}`")
        for target, through in hits:
            if isinstance(target, Module):
                target = target.file
            inner = through - {file} if facade(file) else {other for other in through if not facade(other)}
            for other in {target, *inner} - {None, file}:
                arrows[file].setdefault(other, (line, name))
            # A name that the file itself imports is complained of at its `use`.
            for other in through - inner - {file} if file not in through else ():
                faults.append(
                    f"through the façade: {file}:{line} uses `{name}`, which {other} re-exports")
    return arrows, faults


def way(arrows, start, goal):
    """Returns the shortest way between two files, or None."""
    ways = deque([[start]])
    known = {start}
    while ways:
        path = ways.popleft()
        if path[-1] == goal:
            return path
        for file in sorted(arrows[path[-1]].keys() - known):
            known.add(file)
            ways.append([*path, file])
    return None


def circles(arrows):
    """Returns the shortest circles, so that no arrow is in two of them."""
    backs = [way(arrows, second, first) for first in sorted(arrows) for second in sorted(arrows[first])]
    found, known = [], set()
    for back in sorted(filter(None, backs), key=len):
        steps = list(zip(back, back[1:] + back[:1]))
        if known.isdisjoint(steps):
            known.update(steps)
            found.append("circle: " + ", ".join(
                "{}:{} uses {} (`{}`)".format(a, arrows[a][b][0], b, arrows[a][b][1]) for a, b in steps))
    return found


def check(folder):
    """Returns one line for each fault of a tree."""
    tree = Tree(folder)
    arrows, faults = arrows_of(tree)
    found = [*faults, *circles(arrows)]
    for file in sorted(arrows):
        for other, (line, name) in sorted(arrows[file].items()):
            here, there = floor_of(file), floor_of(other)
            if here and there and here[0] != there[0] and here[1] <= there[1]:
                found.append(f"arrow up: {file}:{line} uses {other} (`{name}`): "
                             f"{here[0]} may not use {there[0]}")
    for file in sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*.rs")):
        if not floor_of(file):
            found.append(f"no floor: {file} belongs to no floor")
        if file not in tree.seen:
            found.append(f"no module: {file} is declared by no `mod`")
    return list(dict.fromkeys(found))


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "src")
    if not (folder / "lib.rs").is_file():
        sys.exit(f"{folder} has no lib.rs")
    faults = check(folder)
    print("\n".join(faults) if faults else f"the files of {folder} use each other from the top down only")
    sys.exit(1 if faults else 0)
