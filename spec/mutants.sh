#!/usr/bin/env bash
# Plants every fault that cargo-mutants knows in the machine and the driver. Each
# is caught by the fast tests, or stands in mutants.txt with the reason why it
# is no fault. It takes about half an hour on one core.
#
#   spec/mutants.sh      every part that is not done yet, then the verdict
#   spec/mutants.sh 3    part 3 alone (of 0 to 7), without a verdict
#
# What is done stays in target/mutants, for these very sources and tests.
set -euo pipefail
cd "$(dirname "$0")/.."
version=27.1.0
parts=8
export CARGO_TERM_COLOR=never

[[ $(cargo mutants --version 2>/dev/null) == "cargo-mutants $version" ]] ||
  cargo install --locked cargo-mutants --version "$version"

# The same random scenarios for every mutant.
export HIGHWATER_SEED=1
# The dependencies are built once, not once a part.
export CARGO_TARGET_DIR=$PWD/target/mutants/build
# No mutant is debugged.
export CARGO_PROFILE_TEST_DEBUG=0
# One that runs away must not take all memory before its time is over.
ulimit -v 8000000 2>/dev/null || true

inputs=(src tests examples spec/traces Cargo.toml Cargo.lock .cargo)
hash=$(git ls-files -coz --exclude-standard -- "${inputs[@]}" | sort -z | xargs -0 cat | sha256sum)
state=target/mutants/${hash:0:16}

part() {
  local out=$state/$1-of-$parts code=0
  [ ! -f "$out/done" ] || return 0
  rm -rf "$out"
  mkdir -p "$out"
  # What the last mutant left there may look newer than the sources.
  cargo clean --quiet --package highwater
  cargo mutants --shard "$1/$parts" --output "$out" || code=$?
  # 2: some were missed; 3: some ran out of time. Both are judged below.
  case $code in
    0 | 2 | 3) touch "$out/done" ;;
    *) exit "$code" ;;
  esac
}

if [ $# -gt 0 ]; then
  part "$1"
  exit
fi
for n in $(seq 0 $((parts - 1))); do part "$n"; done

# Names without line and column, so that the list survives an edit elsewhere. Two
# in one function may then have one name: each has a line of its own.
names() { cat "$state"/*-of-$parts/mutants.out/"$1".txt | sed -E 's/^([^:]+):[0-9]+:[0-9]+: /\1: /' | LC_ALL=C sort; }
listed() { grep -v '^#' spec/mutants.txt | cut -f 1 | LC_ALL=C sort; }
missed=$(LC_ALL=C comm -23 <(names missed) <(listed))
caught_now=$(LC_ALL=C comm -13 <(names missed) <(listed))
lines() { grep -c . || true; }

[ -z "$missed" ] || printf 'not caught, and not in spec/mutants.txt:\n%s\n' "$missed"
[ -z "$caught_now" ] || printf 'in spec/mutants.txt, but caught or gone:\n%s\n' "$caught_now"
caught=$(names caught | lines)
# One that never ends is caught by the clock.
late=$(names timeout | lines)
unviable=$(names unviable | lines)
equivalent=$(LC_ALL=C comm -12 <(names missed) <(listed) | lines)
missed_count=$(printf '%s' "$missed" | lines)
echo "RESULT mutants total=$((caught + late + unviable + equivalent + missed_count))" \
  "caught=$((caught + late)) unviable=$unviable equivalent=$equivalent missed=$missed_count"
[ -z "$missed$caught_now" ]
