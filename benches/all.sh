#!/usr/bin/env bash
# Runs every program of benches/peers and writes what it prints into BENCHMARKS.md.
# About a minute and a half, on a machine that does nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --locked --release --quiet -p highwater-peers
for program in lines chunks latency memory scale; do
  echo "$program"
  measured=$("${CARGO_TARGET_DIR:-target}/release/$program")
  MEASURED=$measured perl -0pi -e '
    s/(<!-- measured: '"$program"' -->\n).*?(<!-- end -->)/$1\n$ENV{MEASURED}\n\n$2/s or die "no place\n"
  ' BENCHMARKS.md
done
