#!/usr/bin/env bash
# Every check of the specification, from a machine with Rust (rustup), a C++ compiler
# and Python 3.11 or newer with venv (Debian: build-essential, python3-venv):
# installs what else is missing, and runs check.py.
#
#   spec/check.sh            everything (see check.py --help)
#   spec/check.sh --quick    what CI runs
#   spec/check.sh 'quirk:*'  these rows
#
# PYTHON may name another Python.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR=never
checker=0.24.11
fuzzer=0.13.2

say() { printf '== %s\n' "$*" >&2; }
stop() { printf '%s\n' "$*" >&2; exit 1; }

command -v cargo >/dev/null || stop 'cargo is missing: install Rust with rustup'
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
  stop "$python is missing or older than 3.11: PYTHON=... may name another"

# What cargo installs, also where its folder is not in the path.
PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
case $(tla --version 2>/dev/null || true) in
  *" $checker" | "$checker") ;;
  *)
    say "install the TLA+ checker, tla-checker $checker (about 2 minutes)"
    cargo install tla-checker --version "$checker" --locked
    ;;
esac

venv=${CARGO_TARGET_DIR:-target}/spec-venv
if ! cmp -s spec/requirements.txt "$venv/requirements.txt"; then
  say "install the solvers of spec/requirements.txt into $venv"
  mkdir -p "${venv%/*}"
  "$python" -m venv --clear "$venv" ||
    stop "$python -m venv does not work: on Debian, apt-get install python3-venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r spec/requirements.txt
  # Last, so that one that was broken off begins again.
  cp spec/requirements.txt "$venv/requirements.txt"
fi

# Where rustup has no WebAssembly, symbolic/build.py takes Debian's compiler.
wasm=wasm32-unknown-unknown
if ! rustup target list --installed 2>/dev/null | grep -x "$wasm" >/dev/null &&
  ! rustup target add "$wasm" >/dev/null 2>&1 && ! dpkg -s rustc-web rust-web-src lld >/dev/null 2>&1; then
  say 'install a compiler for WebAssembly'
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends rustc-web rust-web-src lld >/dev/null ||
    stop "no compiler for WebAssembly: rustup target add $wasm"
fi

say 'build the explorer'
cargo build --quiet --locked --release -p highwater-testkit --bin explore

# The fuzzer is of the full run only, which goes on without it: it needs nightly.
if [[ $# -eq 0 || " $* " == *fuzz* ]] && cargo +nightly --version >/dev/null 2>&1 &&
  ! cargo fuzz --version >/dev/null 2>&1; then
  say "install cargo-fuzz $fuzzer"
  cargo install cargo-fuzz --version "$fuzzer" --locked || say 'there is no fuzzing then'
fi

say 'run spec/check.py'
exec "$venv/bin/python" spec/check.py "$@"
