#!/usr/bin/env bash
# Runs the README's test command so many times (20 by default) on a machine that is busy
# with something else: twice as many programs as there are processors do nothing but that.
# Each run has a seed of its own, which a failure tells.
#
#   tests/under_load.sh [RUNS]
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1-20}
command=$(sed -n '/^## Try it/,/^```$/p' README.md | grep '^cargo test')
$command --no-run

busy=()
stop() { kill "${busy[@]}" 2>/dev/null || true; }
trap stop EXIT
for _ in $(seq $((2 * $(nproc)))); do
  (while :; do :; done) &
  busy+=($!)
done

for run in $(seq "$runs"); do
  output=$($command 2>&1) || {
    printf '%s\n' "$output"
    echo "run $run of $runs has failed" >&2
    exit 1
  }
  echo "run $run of $runs: $(grep -c '^test result: ok' <<<"$output") results, all ok"
done
