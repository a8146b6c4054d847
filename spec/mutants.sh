#!/usr/bin/env bash
# Plants every fault that cargo-mutants knows in the library. The tests notice it, or
# spec/mutants.toml has it with the reason. Needs Python 3.11 or newer.
#
#   spec/mutants.sh --check        every file and every reason has its place, and the mutants of
#                                  a small library get the verdicts that they must get (seconds)
#   spec/mutants.sh                every mutant without a verdict, then the results (one or two hours)
#   spec/mutants.sh io worker      these parts alone
#   spec/mutants.sh --shard 2/8    this eighth of the mutants (0/8 to 7/8), on this machine
#   spec/mutants.sh --file NAME    the files whose path has NAME in it
#   spec/mutants.sh --results      the results so far; it runs nothing
#
# A part is a floor of the library, with its tests. cargo-mutants lists the mutants. One build has
# all of them: each function has its body once for each of its mutants, and a variable of the
# environment chooses (spec/mutants/planting.py). What does not compile is taken out. Then each
# mutant meets the test binaries of its part that reach its function, the quickest first, until a
# test fails. A program that a test starts has the same mutant, as it inherits the variable. A
# constant has no place for the choice, nor has a function that returns an `impl Trait`: such a
# mutant has its own build.
#
# A mutant that hangs is noticed: a binary may take ten times as long as it does without a fault,
# never less than five seconds, and longer on a machine that has become busier. The results say how
# many the clock alone has noticed.
#
# What is done stays in target/mutants, so a run that was interrupted goes on where it stopped. A
# mutant that was noticed stays so until the code of its file changes, or its part no longer has
# the test binary that has noticed it. So after a test was weakened, --again runs everything anew. A
# mutant that was missed runs again after any change of the sources or the tests.
#
# `not_run` in the results is the number of mutants that have no verdict yet.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR=never
version=27.1.0

stop() { printf '%s\n' "$*" >&2; exit 2; }

python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
  stop "$python is missing or older than 3.11: PYTHON=... may name another"
[[ $(cargo mutants --version 2>/dev/null) == "cargo-mutants $version" ]] ||
  cargo install --quiet --locked cargo-mutants --version "$version"

# A mutant that runs away must not take all memory before its time is over.
ulimit -v 8000000 2>/dev/null || true
exec "$python" -B spec/mutants/main.py "$@"
