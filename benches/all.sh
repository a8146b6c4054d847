#!/usr/bin/env bash
# Runs every program of benches/peers, or those that are named, and writes what each
# prints into BENCHMARKS.md. A few minutes, on a machine that does nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."
programs=("$@")
[ $# -gt 0 ] || programs=(instructions lines chunks latency memory scale)
cargo build --locked --release --quiet -p highwater-peers
for program in "${programs[@]}"; do
  echo "$program"
  grep -qxF "<!-- measured: $program -->" BENCHMARKS.md || {
    echo "BENCHMARKS.md has no place for $program" >&2
    exit 1
  }
  measured=$("${CARGO_TARGET_DIR:-target}/release/$program")
  MEASURED=$measured perl -0pi -e '
    s/(<!-- measured: '"$program"' -->\n).*?(<!-- end -->)/$1\n$ENV{MEASURED}\n\n$2/s or die "no place\n"
  ' BENCHMARKS.md
done
