#!/usr/bin/env bash
# Checks that what drivers do are runs of the machine: builds with a private cfg, so that each
# driver writes down its inputs, effects, callbacks, continuations and ticks (src/driver/record.rs),
# runs the tests, the uses, and what loom and shuttle run, and checks what they have written
# (tests/testkit/src/records/). If there is a z3, the different steps are compared with the encoding
# of the proof (spec/induct.py steps).
#
#   tests/record.sh               all of it, a quarter of an hour
#   tests/record.sh --quick       what CI runs: some of the tests, and no schedules
#   tests/record.sh record NAME   this test of tests/record.rs alone (for tests/plant.sh)
#
# That the check can fail: tests/plant.sh record::.
# PYTHON may name a Python that has the packages of spec/requirements.txt, if spec/check.sh has not
# installed them.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR=never
base=${CARGO_TARGET_DIR:-$PWD/target}
target=$base/record
# Each run has a folder of its own, as several may run at a time.
mkdir -p "$target"
HIGHWATER_RECORD=$(mktemp -d "$target/records.XXXXXX")
export HIGHWATER_RECORD
trap 'rm -rf "$HIGHWATER_RECORD"' EXIT

# recorded FOLDER FLAGS ARGUMENTS: a test of cargo whose drivers write down what they do.
recorded() {
  RUSTFLAGS="--cfg highwater_record $2" CARGO_TARGET_DIR=$target/$1 cargo test --locked --quiet "${@:3}"
}

if [ "${1-}" = record ]; then
  recorded plain '' --test record -- --exact "$2"
  exit
fi

# scheduled FOLDER FLAGS TEST: a binary that loom or shuttle runs.
scheduled() {
  recorded "$1" "--cfg highwater_loom $2" --release --features futures --test "$3" -- --test-threads 1
}

if [ "${1-}" = --quick ]; then
  recorded plain '' --test={traces,regressions,thread,future,body}
else
  # All tests of the library. `graph` has no driver, and the records of `walk` would be the graphs.
  tests=()
  for path in tests/*.rs tests/*/main.rs; do
    name=${path#tests/} name=${name%/main.rs} name=${name%.rs}
    case $name in
    loom* | shuttle | record | graph | walk) ;;
    *) tests+=("--test=$name") ;;
    esac
  done
  recorded plain '' "${tests[@]}"
  recorded plain '' -p highwater-uses
  export HIGHWATER_PREEMPTIONS=${HIGHWATER_PREEMPTIONS:-1} HIGHWATER_SCHEDULES=${HIGHWATER_SCHEDULES:-300}
  for model in loom loom_future loom_body loom_lease; do
    scheduled loom '' "$model"
  done
  scheduled shuttle '--cfg highwater_loom="shuttle"' shuttle
fi
# Each in a process of its own. The scenarios of the first are part of what the second checks; the
# edges of the last are not, as they were made to be walked.
for name in scenarios_are_runs_of_the_machine every_record_of_the_folder_is_a_run_of_the_machine \
  records_of_every_edge_walk_over_every_edge; do
  recorded plain '' --test record -- --nocapture --exact "$name"
done

# The encoding of the proof takes the same steps.
python=${PYTHON:-$base/spec-venv/bin/python}
if "$python" -c 'import z3' 2>/dev/null; then
  "$python" spec/induct.py steps "$HIGHWATER_RECORD/steps"
else
  echo 'there is no z3: the steps are not compared with the encoding'
fi
