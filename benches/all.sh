#!/usr/bin/env bash
# Runs every program of benches/peers, and `tcp_push` and `pump` of the uses, or those
# that are named, and writes what each prints into BENCHMARKS.md; `timeline` draws
# pictures instead. A goal also shows what the run before has reached: what does not repeat
# proves nothing.
# A few minutes, on a machine that does nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."
programs=("$@")
[ $# -gt 0 ] || programs=(instructions lines chunks latency trickle busy lowwater memory scale bodies durable tcp_push pump timeline)
cargo build --locked --release --quiet -p highwater-peers
cargo build --locked --release --quiet -p highwater-uses --bin tcp_push
for program in "${programs[@]}"; do
  echo "$program"
  binary=${CARGO_TARGET_DIR:-target}/release/$program
  if [ "$program" = timeline ]; then
    "$binary" >/dev/null
    continue
  fi
  grep -qxF "<!-- measured: $program -->" BENCHMARKS.md || {
    echo "BENCHMARKS.md has no place for $program" >&2
    exit 1
  }
  case $program in
  tcp_push) measured=$(printf '```text\n%s\n```\n' "$("$binary" --lines 4000 --rounds 5)") ;;
  pump) measured=$(printf '```text\n%s\n```\n' "$(examples/uses/pump_beside.sh)") ;;
  *) measured=$("$binary") ;;
  esac
  MEASURED=$measured perl benches/publish.pl "$program" BENCHMARKS.md
done
