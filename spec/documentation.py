"""Checks spec/documentation.md: each statement of Node's documentation of Writable has a
place, and each place that is named exists.

    python documentation.py                     every rule, property, test and section exists
    python documentation.py --against FILE      also: each statement of Node's stream.md has its row
    python documentation.py --statements FILE   lists the statements of Node's stream.md

FILE is `doc/api/stream.md` of Node's sources; the packages of Node that Debian has bring it.
A statement is a sentence of a paragraph, or an item of a list. Examples, tables, "see also"
and items that are only a type are none.
"""

import argparse
import pathlib
import re
import sys

SPEC = pathlib.Path(__file__).resolve().parent
ROOT = SPEC.parent
TABLE = SPEC / "documentation.md"
# The headings that speak of Writable: from each of these to the one beside it.
PARTS = (("Object mode", "API for stream consumers"), ("Writable streams", "Readable streams"),
         ("Implementing a writable stream", "Implementing a readable stream"))
# What needs no place, and why; documentation.md says it at more length.
OUTSIDE = ("advice", "another class", "JavaScript", "no promise")
# Places that do not exist: each run looks whether it would notice them.
FAULTS = (("rule 20", "rule 26"), ("AnswerTruthful", "AnswerHonest"),
          ("`host::one_queued_chunk_is_no_batch`", "`host::one_chunk_is_a_batch`"),
          ("NODE.md: REORDERS", "NODE.md: ORDERS"), ("outside: advice", "outside: taste"),
          ("face: hooks may be assigned later", "face: hooks may be assigned"))


def statements(text):
    """(heading, statements) of Node's documentation, in order."""
    text = re.sub(r"(?s)<!--.*?-->|```.*?```", "", text)
    parts = re.split(r"(?m)^#+ (.*)$", text)
    for heading, body in zip(parts[1::2], parts[2::2]):
        found = []
        for block in re.split(r"\n\s*\n", body):
            for item in re.split(r"\n(?=\s*\* )", block.strip("\n")):
                found += sentences(" ".join(item.split()))
        yield heading.replace("`", ""), found


def sentences(item):
    if not item or item.startswith(("|", ">", "See also", "[")) and not item.startswith("[`"):
        return []
    if item.startswith("* "):
        only_a_type = re.fullmatch(r"\* (Returns: )?\{[^}]*\}", item)
        return [] if only_a_type else [item]
    return re.split(r"(?<=[.:])\s+(?=[A-Z`'\[])", item)


def of_writable(text):
    wanted = False
    for heading, found in statements(text):
        wanted = any(heading == first for first, _ in PARTS) or (
            wanted and all(heading != last for _, last in PARTS))
        if wanted and found:
            yield heading, found


def rows(text):
    """(heading, first, last, words, places) of documentation.md, in order."""
    heading = None
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("## "):
            heading = line[3:].replace("`", "")
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)]
        if len(cells) == 5 and cells[1][:1].isdigit():
            first, _, last = cells[1].partition("–")
            yield heading, int(first), int(last or first), cells[2], cells[3]
        elif len(cells) > 1 and cells[1] not in ("statement", "---"):
            raise SystemExit(f"{TABLE.name}, line {number}: no row: {line}")


def known_places():
    """Patterns of places, and what may stand there."""
    contract = (ROOT / "src/machine/mod.rs").read_text()
    tests = {f"{file.stem}::{name}" for folder in ("tests", "tests/testkit/tests")
             for file in (ROOT / folder).glob("*.rs")
             for name in re.findall(r"(?m)^\s*(?:async )?fn (\w+)\(\)", file.read_text())}
    face = (ROOT / "examples/javascript/tests/face.test.js").read_text()
    titles = {title for _, title in re.findall(r"""(?m)^test\((['"])(.*?)(?<!\\)\1""", face)}
    node = (SPEC / "NODE.md").read_text()
    return (
        (r"rule (\d+)", set(re.findall(r"(?m)^//! (\d+)\. ", contract))),
        (r"([A-Z][A-Za-z]+)", set(re.findall(r"(?m)^//! \| ([A-Z]\w+) \|", contract))),
        (r"`(\w+::\w+)`", tests),
        (r"face: (.+)", titles),
        (r"NODE\.md: (\w+)", set(re.findall(r"(?m)^## (\w+)", node))),
        (r"outside: (.+)", set(OUTSIDE)),
    )


def missing(places, known):
    """The places of a row that do not exist."""
    for place in places.split("; "):
        found = (re.fullmatch(pattern, place) for pattern, _ in known)
        at = next((n for n, match in enumerate(found) if match), None)
        if at is None or re.fullmatch(known[at][0], place)[1] not in known[at][1]:
            yield place


def wrong_rows(text, known):
    for heading, first, _, words, places in rows(text):
        for place in missing(places, known):
            yield f"{heading}, {first}: there is no {place!r}"
        if not words:
            yield f"{heading}, {first}: says nothing"


def missed_faults(text, known):
    for right, fault in FAULTS:
        if right not in text or not list(wrong_rows(text.replace(right, fault), known)):
            yield f"the check does not notice {fault!r}"


def check_against(file, text):
    kept, wrong = {}, 0
    for heading, first, last, _, _ in rows(text):
        kept.setdefault(heading, []).extend(range(first, last + 1))
    theirs = dict(of_writable(pathlib.Path(file).read_text()))
    for heading, found in theirs.items():
        if kept.get(heading) != list(range(1, len(found) + 1)):
            wrong += 1
            print(f"{heading}: Node has {len(found)} statements, the table {kept.get(heading)}")
    for heading in set(kept) - set(theirs):
        wrong += 1
        print(f"{heading}: Node has no such heading")
    return sum(map(len, theirs.values())), wrong


def main():
    parser = argparse.ArgumentParser(description="Checks spec/documentation.md.")
    parser.add_argument("--against", metavar="FILE", help="Node's doc/api/stream.md")
    parser.add_argument("--statements", metavar="FILE", help="list those of Node's stream.md")
    args = parser.parse_args()
    if args.statements:
        for heading, found in of_writable(pathlib.Path(args.statements).read_text()):
            print(f"\n{heading}")
            for number, statement in enumerate(found, 1):
                print(f"  {number:2} {statement}")
        return 0
    text, known = TABLE.read_text(), known_places()
    said = [*wrong_rows(text, known), *missed_faults(text, known)]
    for line in said:
        print(line)
    count, wrong = len(list(rows(text))), len(said)
    told = f"rows={count} faults={len(FAULTS)}"
    if args.against:
        of_node, apart = check_against(args.against, text)
        told, wrong = f"{told} statements={of_node}", wrong + apart
    print(f"RESULT documentation {told} wrong={wrong}")
    return 1 if wrong or not count else 0


if __name__ == "__main__":
    sys.exit(main())
