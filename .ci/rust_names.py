"""Reads a crate of Rust: which module uses which name, and where each name is defined.

Tests and comments are not read.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import tree_sitter_rust
from tree_sitter import Language, Parser

PARSER = Parser(Language(tree_sitter_rust.language()))
SCOPED = ("scoped_identifier", "scoped_type_identifier")
NAMES = ("identifier", "type_identifier", "crate", "super", "self", "metavariable")
ITEMS = ("function_item", "struct_item", "enum_item", "union_item", "trait_item", "type_item",
         "const_item", "static_item", "macro_definition")


@dataclass(eq=False)
class Module:
    file: str
    parent: "Module | None"
    folder: Path  # of the files of its children
    children: dict = field(default_factory=dict)
    items: set = field(default_factory=set)
    uses: list = field(default_factory=list)  # (segments, new name or *, whether others see it)
    paths: list = field(default_factory=list)  # (segments, line)

    def names(self, reader):
        """Returns the names that `use ...::*` brings into another module."""
        while reader and reader is not self:
            reader = reader.parent
        seen = {name for _, name, public in self.uses if name != "*" and (public or reader)}
        return self.children.keys() | self.items | seen


def text(node):
    return node.text.decode()


def segments(node):
    """Returns the names of a path, or None if one of them has no plain name."""
    if node is None:
        return [""]  # the path begins with `::`
    if node.type in SCOPED:
        before = segments(node.child_by_field_name("path"))
        return before and before + [text(node.child_by_field_name("name"))]
    return [text(node).lstrip("$")] if node.type in NAMES else None


def flatten(node, before):
    """Yields the segments and the new name of each import in a tree of `use`."""
    if node.type == "use_list":
        for child in node.named_children:
            yield from flatten(child, before)
    elif node.type == "scoped_use_list":
        path = node.child_by_field_name("path")
        yield from flatten(node.child_by_field_name("list"), before + segments(path))
    elif node.type == "use_wildcard":
        yield before + (segments(node.named_children[0]) if node.named_children else []), "*"
    elif node.type == "use_as_clause":
        for path, _ in flatten(node.child_by_field_name("path"), before):
            yield path, text(node.child_by_field_name("alias"))
    elif node.type not in ("line_comment", "block_comment"):
        path = before + segments(node)
        path = path[:-1] if before and path[-1] == "self" else path
        yield path, path[-1]


def leaves(node):
    """Yields the text of each token below a node."""
    if not node.children:
        yield text(node)
    for child in node.children:
        yield from leaves(child)


class Tree:
    """The modules of a crate, from the folder of its lib.rs."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.missing = []  # (file, the name of a module without a file)
        self.seen = {}  # file: whether it is read; a file of tests is not
        self.root = Module("lib.rs", None, self.folder)
        self.modules = [self.root]
        self.load(self.root)

    def load(self, module):
        self.seen[module.file] = True
        source = (self.folder / module.file).read_bytes()
        self.visit(PARSER.parse(source).root_node, module, True)

    def visit(self, node, module, outer):
        """Reads the children of a node. Only an outer node may declare items of the module."""
        test = False
        for child in node.children:
            kind = child.type
            if kind == "attribute_item":
                test = test or text(child).replace(" ", "").startswith(("#[cfg(test", "#[cfg(all(test"))
            if kind in ("line_comment", "block_comment", "visibility_modifier"):
                continue
            if kind == "mod_item":
                self.declare(child, module, test)
            elif not test:
                self.read(child, module, outer)
            test = test and kind == "attribute_item"

    def read(self, node, module, outer):
        kind = node.type
        if kind in ITEMS and outer:
            module.items.add(text(node.child_by_field_name("name")))
        if kind == "use_declaration":
            for path, name in flatten(node.child_by_field_name("argument"), []):
                module.uses.append((path, name, node.children[0].type == "visibility_modifier"))
                module.paths.append((path + ["*"] * (name == "*"), node.start_point.row + 1))
            return
        if kind == "token_tree":
            # The arguments of a macro or an attribute have no grammar, only tokens.
            for path in re.findall(r"\w+(?: :: \w+)+", " ".join(leaves(node))):
                module.paths.append((path.split(" :: "), node.start_point.row + 1))
            return
        if kind in SCOPED and (path := segments(node)):
            module.paths.append((path, node.start_point.row + 1))
            return
        self.visit(node, module, False)

    def declare(self, node, module, test):
        name = text(node.child_by_field_name("name"))
        body = node.child_by_field_name("body")
        file = module.file
        if not body:
            places = [module.folder / f"{name}.rs", module.folder / name / "mod.rs"]
            there = [place for place in places if place.exists()]
            if not there:
                self.missing.append((module.file, name))
                return
            file = there[0].relative_to(self.folder).as_posix()
        if test:
            self.seen.setdefault(file, False)
            return
        child = module.children.setdefault(name, Module(file, module, module.folder / name))
        self.modules.append(child)
        if body:
            self.visit(body, child, True)
        else:
            self.load(child)

    def lookup(self, module, name, done=()):
        """Returns (module or file, files that re-export it) for each meaning of a name."""
        found = []
        if name in module.children:
            found.append((module.children[name], set()))
        if name in module.items:
            found.append((module.file, set()))
        for number, (path, alias, _) in enumerate(module.uses):
            use = (module, number)
            if use in done or alias not in (name, "*"):
                continue
            for target, through in self.resolve(module, path, (*done, use)):
                hits = [(target, set())] if alias == name else []
                if alias == "*" and isinstance(target, Module):
                    hits = self.lookup(target, name, (*done, use))
                found += [(hit, more | through | {module.file}) for hit, more in hits]
        return found

    def resolve(self, module, path, done=()):
        """The same for a path. A name of another crate has the meaning None."""
        head, *rest = path
        start = {"crate": self.root, "self": module, "super": module.parent}
        hits = [(start[head], set())] if head in start else self.lookup(module, head, done)
        if not hits:
            return [(None, set())]
        for name in rest:
            modules = [(target, through) for target, through in hits if isinstance(target, Module)]
            if not modules:
                break  # the rest is inside an item, or in another crate
            hits = []
            for target, through in modules:
                if name == "super":
                    hits.append((target.parent, through))
                elif name == "*":
                    hits.append((target, through))
                    for each in target.names(module):
                        hits += [(t, more | through) for t, more in self.lookup(target, each, done)]
                else:
                    hits += [(t, more | through) for t, more in self.lookup(target, name, done)]
        return hits
