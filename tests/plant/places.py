"""Finds the place of a fault in the syntax trees of the sources, and plants it."""

import difflib
import re
from pathlib import Path
from typing import NamedTuple

from ast_grep_py import SgNode, SgRoot

# $NAME or $$$NAMES of a pattern.
METAVARIABLE = re.compile(r"\$(\$\$)?([A-Z][A-Z0-9_]*)")

# So many functions are shown whole.
FEW = 4


class Broken(Exception):
    """Says in one line what is wrong with a row, and in more lines what there is."""

    def __init__(self, problem: str, details: str = ""):
        super().__init__(problem)
        self.details = details


class Function(NamedTuple):
    """A function of the sources. `path` starts at the root of the repository."""

    path: Path
    owner: str
    name: str
    node: SgNode

    def called(self) -> str:
        return f"{self.owner}::{self.name}" if self.owner else self.name

    def at(self) -> str:
        return f"{self.path}:{self.node.range().start.line + 1}: {self.called()}"

    def shown(self) -> str:
        indent = " " * self.node.range().start.column
        return f"{self.at()}\n{indent}{self.node.text()}"

    def stands_in(self, modules: list[str]) -> bool:
        parts = self.path.with_suffix("").parts
        return all(module in parts for module in modules)


class Planted(NamedTuple):
    """The source of `path` with the fault in it, and what was changed."""

    path: Path
    source: str
    old: str
    new: str


class Places:
    """All functions under these folders."""

    def __init__(self, root: Path, folders: list[str]):
        paths = (path for folder in folders for path in sorted((root / folder).rglob("*.rs")))
        self.sources = {path.relative_to(root): path.read_text() for path in paths}
        self.functions = [
            Function(path, owner(node), node.field("name").text(), node)
            for path, source in self.sources.items()
            for node in SgRoot(source, "rust").root().find_all(kind="function_item")
        ]

    def plant(self, place: str, find: str, replace: str) -> Planted:
        """Returns the source with the fault. Raises Broken unless `find` matches once."""
        functions = self.called(place, find)
        found = [
            (function, match)
            for function in functions
            for match in function.node.find_all(pattern=find)
        ]
        if not found:
            problem = f"{place} does not have the code {find}"
            raise Broken(problem, f"{self.elsewhere(find)}{shown(functions)}")
        if len(found) > 1:
            problem = f"{place} has the code {find} {len(found)} times"
            raise Broken(problem, shown([function for function, _ in found]))
        for several, name in set(METAVARIABLE.findall(replace)) - set(METAVARIABLE.findall(find)):
            raise Broken(f"the replacement names ${several}{name}, which the pattern does not")
        [(function, match)] = found
        source = self.sources[function.path]
        start, end = match.range().start.index, match.range().end.index
        new = filled(replace, match, source)
        planted = source[:start] + new + source[end:]
        if planted == source:
            raise Broken(f"the replacement {replace} changes nothing")
        if SgRoot(planted, "rust").root().find(kind="ERROR"):
            raise Broken(f"the replacement is no Rust: {new}")
        return Planted(function.path, planted, match.text(), new)

    def called(self, place: str, find: str) -> list[Function]:
        *outer, name = place.split("::")
        types = [part for part in outer if part[0].isupper()]
        modules = [part for part in outer if not part[0].isupper()]
        functions = [
            function
            for function in self.functions
            if function.name == name
            and types in ([], [function.owner])
            and function.stands_in(modules)
        ]
        if not functions:
            names = {function.called() for function in self.functions}
            near = [other for other in names if other.split("::")[-1] == name]
            near += difflib.get_close_matches("::".join([*types, name]), names, 5)
            near = ", ".join(sorted(set(near)))
            problem = f"there is no function {place}"
            raise Broken(problem, f"{self.elsewhere(find)}the nearest names: {near}")
        return functions

    def elsewhere(self, find: str) -> str:
        """Says which functions have this code, if a few have: it may have moved."""
        others = [function for function in self.functions if function.node.find(pattern=find)]
        lines = "".join(f"  {function.at()}\n" for function in others)
        return f"this code stands in\n{lines}" if 0 < len(others) <= FEW else ""


def shown(functions: list[Function]) -> str:
    """Shows a few functions as they stand now; of more, where they are."""
    few = len(functions) <= FEW
    lines = [function.shown() if few else f"  {function.at()}" for function in functions]
    return "there is now\n" + "\n".join(lines)


def owner(node: SgNode) -> str:
    """Returns the type or trait whose block has this function, without generics."""
    for outer in node.ancestors():
        if outer.kind() == "impl_item":
            return outer.field("type").text().lstrip("&").split("<")[0]
        if outer.kind() == "trait_item":
            return outer.field("name").text()
    return ""


def filled(replace: str, match: SgNode, source: str) -> str:
    """Puts into a replacement the code that its metavariables stand for."""

    def code(metavariable: re.Match[str]) -> str:
        several, name = metavariable.groups()
        if several:
            nodes = match.get_multiple_matches(name)
            if not nodes:
                return ""
            return source[nodes[0].range().start.index : nodes[-1].range().end.index]
        return match.get_match(name).text()

    return METAVARIABLE.sub(code, replace)


def names(path: Path) -> set[str]:
    """Returns the identifiers of a source file, also those that macros get."""
    root = SgRoot(path.read_text(), "rust").root()
    return {node.text() for node in root.find_all(kind="identifier")}
