#!/usr/bin/env bash
# Samples the interleavings of five to eight threads with shuttle (tests/shuttle).
#
#   tests/shuttle.sh              every scenario, 6,000 schedules each
#   HIGHWATER_SCHEDULES=100000 tests/shuttle.sh
#                                 a million and more in all, which takes half an hour
#   tests/shuttle.sh a_thread_loses_nothing_of_six_producers
#                                 this scenario
#
# A failure prints the seed and the schedule: HIGHWATER_SEED and HIGHWATER_REPLAY run them again.
# That scenarios can fail: tests/plant.sh shuttle. Each of these faults is found within the 6,000
# schedules, and the failure says in which: `it failed in schedule N`.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR=never
RUSTFLAGS='--cfg highwater_loom --cfg highwater_loom="shuttle"' \
  CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/shuttle \
  cargo test --locked --release --quiet --features futures --test shuttle -- \
  --test-threads 1 ${1+--exact "$1"}
