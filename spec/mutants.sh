#!/usr/bin/env bash
# Plants every fault that cargo-mutants knows in the library, one at a time. The tests notice it,
# or spec/mutants.toml has it with the reason. Needs Python 3.11 or newer.
#
#   spec/mutants.sh --check        every file and every reason has its place (seconds)
#   spec/mutants.sh                every mutant without a verdict, then the results (hours)
#   spec/mutants.sh io worker      these parts alone
#   spec/mutants.sh --shard 2/8    this eighth of the mutants (0/8 to 7/8), on this machine
#   spec/mutants.sh --file NAME    the files whose path has NAME in it
#   spec/mutants.sh --results      the results so far; it runs nothing
#
# A part is a floor of the library, with its tests. Each mutant meets the few tests that notice
# most. One that they miss meets the other tests of the part. A mutant that hangs is noticed: a
# test may take ten times as long as all of the stage do without a fault, and never less than
# twenty seconds.
#
# What is done stays in target/mutants, so a run that was interrupted goes on where it stopped. A
# mutant that was noticed stays so until the code of its file changes, or the list of tests of its
# part. So after a test was weakened, --again runs everything anew. A mutant that was missed runs again
# after any change of the sources or the tests.
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
exec "$python" -B spec/mutants.py "$@"
