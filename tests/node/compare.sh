#!/usr/bin/env bash
# Compares the machine with Node: tests/node/compare.sh [--several] [COUNT] [NODE_BINARY...]
#
# With --several the scenarios are of two or three streams.
# COUNT scenarios (1,000,000 by default) for each Node (the one on the PATH by
# default). HIGHWATER_SEED sets the seed, which is printed.
set -euo pipefail
cd "$(dirname "$0")/../.."
several=()
if [ "${1-}" = --several ]; then
  several=(--several)
  shift
fi
count=${1:-1000000}
shift || true
[ $# -gt 0 ] || set -- node
cargo build --release --quiet -p highwater-testkit --bin replay
for node in "$@"; do
  "$node" tests/node/compare.js "${several[@]}" "${CARGO_TARGET_DIR:-target}/release/replay" "$count" \
    ${HIGHWATER_SEED:+"$HIGHWATER_SEED"}
done
