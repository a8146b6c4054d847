#!/usr/bin/env bash
# Measures pump beside cat, pv and mbuffer: zeros from one pipe into another. Each
# figure is a ratio of times, the median of several rounds in which each has a
# turn; below 1, pump is the faster. It installs nothing, and says what is missing.
#
#   examples/uses/pump_beside.sh [MEBIBYTES] [ROUNDS]
set -euo pipefail
cd "$(dirname "$0")/../.."
mebibytes=${1:-2048} rounds=${2:-7}
cargo build --quiet --release -p highwater-uses --bin pump
pump=${CARGO_TARGET_DIR:-target}/release/pump
who=(pump cat)
for peer in pv mbuffer; do
  if command -v "$peer" >/dev/null; then who+=("$peer"); else echo "not installed: $peer"; fi
done

through() {
  case $1 in
  pump) "$pump" --quiet ;;
  cat) cat ;;
  pv) pv --quiet ;;
  mbuffer) mbuffer -q -m 1M 2>/dev/null ;;
  esac
}

folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
bytes=$((mebibytes * 1024 * 1024))
for ((round = 0; round < rounds; round++)); do
  for name in "${who[@]}"; do
    start=$(date +%s%N)
    count=$(head -c "$bytes" /dev/zero | through "$name" | wc -c)
    echo $(($(date +%s%N) - start)) >>"$folder/$name"
    [ "$count" = "$bytes" ] || { echo "$name: $count bytes arrived"; exit 1; }
  done
done

median() { sort -g | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }
echo "$mebibytes MiB through two pipes, $rounds rounds, medians:"
for name in "${who[@]}"; do
  ratio=$(paste "$folder/pump" "$folder/$name" | awk '{ print $1 / $2 }' | median)
  rate=$(awk -v bytes="$bytes" '{ print bytes / $1 }' "$folder/$name" | median)
  printf '%-8s %5.2f GB/s   pump takes %.2f times as long\n' "$name" "$rate" "$ratio"
done
