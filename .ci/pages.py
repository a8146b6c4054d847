"""Checks the pages, without the network.

- A link to a file leads to one that git has, and a link to a heading to one that is there.
- Each place that ARCHITECTURE.md and CONTRIBUTING.md name exists: a path in backticks, and in
  an item that begins with a path, the names in it that stand before the colon.
- Each page of the guide is in the documentation, its programs are tested, and none of them
  is only compiled.
- The README has at most 150 lines.
"""

import re
import subprocess
import sys
from pathlib import PurePosixPath

from markdown_it import MarkdownIt

MAPS = ("ARCHITECTURE.md", "CONTRIBUTING.md")
GUIDE, MODULES, USES = "src/guide/", "src/guide/mod.rs", "examples/uses/src/lib.rs"
README_LINES = 150

# A path: with a slash, or a file of the root.
PATH = re.compile(r"^(?:\.?[\w.-]+/[\w./-]*|[\w-]+\.(?:md|toml|rs))$")
PAGE = re.compile(r'(#\[cfg\(not\(doctest\)\)\]\s*)?#\[doc = include_str!\("([^"]+\.md)"\)\]')


class Page:
    """What a Markdown file has: links, headings, code in the text, fenced programs."""

    def __init__(self, text):
        self.links, self.anchors, self.items, self.code, self.fences = [], set(), [], [], []
        tokens = MarkdownIt("commonmark").enable("table").parse(text)
        # CommonMark does not say which headings have which anchors. This is as GitHub does it.
        for before, token in zip([None] + tokens, tokens):
            if token.type == "fence":
                self.fences.append(token.info)
            if token.type != "inline":
                continue
            if before.type == "heading_open":
                self.anchors.add(anchor(token.content))
            if before.type == "paragraph_open" and before.hidden:
                self.items.append(token.content)
            for child in token.children:
                if child.type == "code_inline":
                    self.code.append(child.content)
                self.links += [child.attrs[name] for name in ("href", "src") if name in child.attrs]


def anchor(heading):
    plain = re.sub(r"[`*\[\]]|\(.*?\)", "", heading).lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def check_links(files, pages):
    for name, page in pages.items():
        for link in page.links:
            target, _, heading = link.partition("#")
            # Of the guide, rustdoc checks the links to items.
            if re.match(r"[a-z]+:", link) or name.startswith(GUIDE) and "::" in link or target == "crate":
                continue
            path = resolve(PurePosixPath(name).parent / target) if target else name
            if path not in files and not any(file.startswith(path + "/") for file in files):
                yield f"{name}: no file: {link}"
            elif heading and path in pages and heading not in pages[path].anchors:
                yield f"{name}: no heading: {link}"


def resolve(path):
    parts = []
    for part in path.parts:
        parts = parts[:-1] if part == ".." else parts + [part]
    return "/".join(parts)


def check_places(files, pages):
    for name in MAPS:
        page = pages.get(name)
        if page is None:
            yield f"no page: {name}"
            continue
        for code in page.code:
            # A command begins with its program. NAME stands for any.
            code = (code.split() or [""])[0]
            path = code.rstrip("/")
            if PATH.match(code) and "NAME" not in code and path not in files and not any(f.startswith(path + "/") for f in files):
                yield f"{name}: no place: {code}"
        for item in page.items:
            path, *names = re.findall(r"`([^`]+)`", item.partition(": ")[0]) or [""]
            if item.startswith("`") and path in files:
                missing = [one for one in names if one not in files[path]]
                yield from (f"{name}: {path} does not have {one}" for one in missing)


def check_guide(files, pages):
    shown = {GUIDE + page: not other for other, page in PAGE.findall(files[MODULES])}
    tested = set(re.findall(r'"\.\./\.\./\.\./(src/guide/[^"]+)"', files[USES]))
    for name in (name for name in pages if name.startswith(GUIDE)):
        if name not in shown:
            yield f"{name}: not in {MODULES}"
        elif not shown[name] and name not in tested:
            yield f"{name}: no test runs its programs: see {USES}"
        for info in pages[name].fences:
            if re.search(r"ignore|no_run|text", info):
                yield f"{name}: a program that does not run: {info}"


def check(files):
    """Returns the faults of these files, {path: text}."""
    pages = {name: Page(text) for name, text in files.items() if name.endswith(".md")}
    faults = [*check_links(files, pages), *check_places(files, pages), *check_guide(files, pages)]
    lines = files["README.md"].count("\n")
    if lines > README_LINES:
        faults.append(f"README.md: {lines} lines, more than {README_LINES}")
    return faults


def files_of_git():
    names = subprocess.run(["git", "ls-files"], check=True, capture_output=True, text=True).stdout
    files = {}
    for name in names.splitlines():
        try:
            with open(name, encoding="utf-8") as file:
                files[name] = file.read()
        except (UnicodeDecodeError, FileNotFoundError):
            files[name] = ""
    return files


# What is added to which file, or taken out of it, and the fault expected.
PLANTS = [
    ("README.md", lambda text: text + "[gone](src/gone.rs)", "no file: src/gone.rs"),
    ("README.md", lambda text: text + "[gone](spec/README.md#gone)", "no heading: spec/README.md#gone"),
    ("README.md", lambda text: text + "![gone](gone.svg)", "no file: gone.svg"),
    ("README.md", lambda text: text + "\n" * README_LINES, "more than"),
    ("ARCHITECTURE.md", lambda text: text + "\n`src/gone/`", "no place: src/gone/"),
    ("src/machine/quirks.rs", lambda text: text.replace("ALL", "EACH"), "src/machine/quirks.rs does not have ALL"),
    ("src/guide/gone.md", lambda text: "Not there.", f"not in {MODULES}"),
    (USES, lambda text: text.replace("upload.md", "gone.md"), "no test runs its programs"),
    ("src/guide/why.md", lambda text: text + "\n```no_run\n```\n", "a program that does not run: no_run"),
    ("CONTRIBUTING.md", lambda text: None, "no page: CONTRIBUTING.md"),
]


def self_test(files):
    before = check(files)
    for name, plant, expected in PLANTS:
        text = plant(files.get(name, ""))
        planted = {**files, name: text} if text is not None else {n: t for n, t in files.items() if n != name}
        faults = [fault for fault in check(planted) if fault not in before]
        assert any(expected in fault for fault in faults), f"missed: {expected}, found {faults}"
    print(f"{len(PLANTS)} planted faults, each is named")


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        self_test(files_of_git())
    else:
        faults = check(files_of_git())
        print("\n".join(faults) if faults else "every link, place and page is there")
        sys.exit(bool(faults))
