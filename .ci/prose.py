"""Looks for words that make a sentence hard to read, and says what to write instead.

A person reads Markdown, comments, texts of errors and names of tests, so each file of git is
read whole, except generated ones. There are no exceptions for a single sentence.
"""

import re
import subprocess
import sys
from pathlib import Path

# Text that is not ours, generated, or data.
SKIPPED = re.compile(r"\.(lock|snap|graph|jsonl|svg|txt)$|^LICENSE|^fuzz/corpus/|^examples/javascript/playground/dist/|^\.ci/prose")

# The words, what to write instead, and a sentence that has them.
RULES = [
    (r"whoever|somebody|nobody|everybody|anybody", "name the actor: caller, producer, waiter, worker",
     "It wakes everybody."),
    (r"_everybody|_nobody|_somebody", "name the actor", "fn it_wakes_everybody() {}"),
    (r"\bfn \w*(_(is|are|was|were)_told|_those_who_|_all_the_same|_too\b|\bwhatever_|\bwho_)",
     "name the actor: *is_reported*, *the_waiters*, *also* before the verb", "fn a_failure_is_told_once() {}"),
    (r"\b(those|they|one|ones|who) who wait|^who waits|\bwho waits\b", "write *the waiter*",
     "It wakes the one who waits."),
    (r"\b(is|are|was|were|be|been|being|as they were) told\b",
     "functions return, streams emit, callers get", "A writer was told to wait."),
    (r"\bis to be (?!sure)|\bare to be ", "say who does it", "It is to be given to the sink."),
    (r"\bbut for\b", "write *unless* or *except*", "All of them, but for one."),
    (r"\bfrom (so|how) many\b", "write *at least*, *at which*", "From how many bytes on it waits."),
    (r", too\b(?!\w)(?! (long|much|many|early|late|short|large|slow|small|old|few|big))",
     "write *also* before the verb, or a sentence of its own", "The sink is closed, too."),
    (r"\banswers whether\b", "write *says whether* or *tells you whether*", "It answers whether to go on."),
    (r"\bto see what goes on\b", "write *observability*", "This is to see what goes on."),
    (r"\bwould never end\b", "write *would deadlock*", "The wait would never end."),
    (r"\bdid not come in time\b", "write *timed out*", "It did not come in time."),
]


# A blank of a rule is also the end of a line, with what a comment's next line begins with.
GAP = r"(?: |[ \t]*\n[ \t]*(?://[/!]?|#|\\\*|\*)?[ \t]*)"
PATTERNS = [(re.compile(pattern.replace(" ", GAP), re.IGNORECASE | re.MULTILINE), advice)
            for pattern, advice, _ in RULES]


def hits_of(text):
    """Returns (line, words, advice) for each hit in this text."""
    found = [(text.count("\n", 0, hit.start()) + 1, " ".join(hit.group(0).split()), advice)
             for pattern, advice in PATTERNS for hit in pattern.finditer(text)]
    return sorted(found)


def files():
    names = subprocess.run(["git", "ls-files"], check=True, capture_output=True, text=True).stdout
    for name in names.splitlines():
        path = Path(name)
        if not SKIPPED.search(name) and path.is_file():
            try:
                yield name, path.read_text()
            except UnicodeDecodeError:
                pass  # no text


def faults_of(texts):
    """Returns the faults of these files, one a line."""
    return [f"{name}:{at}: {words!r}: {advice}" for name, text in texts for at, words, advice in hits_of(text)]


def self_test():
    for pattern, advice, sentence in RULES:
        found = hits_of(f"a line\n{sentence}\n")
        assert (2, advice) in [(at, said) for at, _, said in found], f"missed: {sentence} ({pattern})"
        assert faults_of([("a", sentence)]), f"not a fault: {sentence}"
    assert len(hits_of("/// It was\n    /// told. All,\n    // but\n# for one.")) == 2, "two lines were not joined"
    assert not hits_of("It is too late, too late. The caller is sure.")
    print(f"{len(RULES)} rules, each can fail")


if __name__ == "__main__":
    if sys.argv[1:] == ["--self-test"]:
        self_test()
    else:
        faults = faults_of(files())
        print("\n".join(faults) if faults else "no hard words")
        sys.exit(bool(faults))
