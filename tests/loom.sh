#!/usr/bin/env bash
# Searches the interleavings of the workers and of the owner's lease with loom (tests/loom.rs,
# tests/loom_future.rs, tests/loom_body.rs, tests/loom_lease.rs).
#
#   tests/loom.sh            every model of the threads, and again with waiters that stay
#                            awake for a turn, and every model of the polled workers, with at
#                            most 2 preemptions; and the drop of an owner with at most 4
#   tests/loom.sh awake a_waiter_is_woken
#                            this model, in one of the modes plain, awake, future, body, lease
#
# That each model can fail: tests/plant.sh loom.
# HIGHWATER_PREEMPTIONS is another bound for all; 0 is none.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR=never
target=${CARGO_TARGET_DIR:-$PWD/target}/loom

# run plain|awake|future|body|lease [model]
run() {
  local flags='--cfg highwater_loom' bound=2 folder=plain test=loom
  case $1 in
  plain) ;;
  awake) flags="$flags --cfg highwater_loom=\"awake\"" folder=awake ;;
  future) test=loom_future ;;
  body) test=loom_body ;;
  lease) test=loom_lease ;;
  esac
  RUSTFLAGS=$flags CARGO_TARGET_DIR=$target/$folder HIGHWATER_PREEMPTIONS=${HIGHWATER_PREEMPTIONS:-$bound} \
    cargo test --locked --release --quiet --features futures --test "$test" -- \
    --test-threads 1 ${2+--exact "$2"}
}

if [ $# -gt 0 ]; then
  run "$@"
  exit
fi
# Two at a time: the search of a mode keeps one processor busy.
printf '%s\n' plain awake future body lease | xargs -P 2 -n 1 tests/loom.sh
for model in drop_can_leave_at_once drop_waits_until_all_is_written; do
  HIGHWATER_PREEMPTIONS=4 run plain "$model"
done
