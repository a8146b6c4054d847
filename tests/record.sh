#!/usr/bin/env bash
# Checks that what drivers do are runs of the machine: builds with a private cfg, so that each
# driver writes down its inputs, effects, continuations and ticks (src/driver/record.rs), runs
# tests and loom's models, and checks what they have written (tests/testkit/src/records/).
#
#   tests/record.sh               all of it
#   tests/record.sh --quick       what CI runs: some of the tests, no model
#   tests/record.sh record NAME   this test of tests/record.rs alone (for tests/plant.sh)
#
# That the check can fail: tests/plant.sh record::.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR=never
target=${CARGO_TARGET_DIR:-$PWD/target}/record
# Each run has a folder of its own, as several may run at a time.
mkdir -p "$target"
HIGHWATER_RECORD=$(mktemp -d "$target/records.XXXXXX")
export HIGHWATER_RECORD
trap 'rm -rf "$HIGHWATER_RECORD"' EXIT

# recorded ARGUMENTS: a test of cargo whose drivers write down what they do.
recorded() {
  RUSTFLAGS='--cfg highwater_record' CARGO_TARGET_DIR=$target/plain cargo test --locked --quiet "$@"
}

if [ "${1-}" = record ]; then
  recorded --test record -- --exact "$2"
  exit
fi

tests=(traces regressions reentrant host progress accounting errors thread thread_failures
  thread_panics thread_drops future tokio handle own_lease traits vectored body log faults)
models=(loom loom_future)
if [ "${1-}" = --quick ]; then
  tests=(traces regressions thread future body) models=()
fi
recorded "${tests[@]/#/--test=}"
for model in "${models[@]}"; do
  RUSTFLAGS='--cfg highwater_loom --cfg highwater_record' CARGO_TARGET_DIR=$target/loom \
    HIGHWATER_PREEMPTIONS=${HIGHWATER_PREEMPTIONS:-1} \
    cargo test --locked --release --quiet --features futures --test "$model" -- --test-threads 1
done
# Its scenarios are part of what is checked last.
for name in scenarios_are_runs_of_the_machine every_record_of_the_folder_is_a_run_of_the_machine; do
  recorded --test record -- --nocapture --exact "$name"
done
