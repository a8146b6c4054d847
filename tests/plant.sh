#!/usr/bin/env bash
# Plants each fault of tests/plant/*.toml in a copy of the sources, one at a time, and expects
# the tests beside it to notice: to fail, or to hang. Needs Python 3.11 or newer with venv
# (Debian: python3-venv).
#
#   tests/plant.sh --check      is every place still there, and every test? (a second)
#   tests/plant.sh              plants every fault (half an hour on one core)
#   tests/plant.sh log::        plants those whose place or test begins so
#   tests/plant.sh --self-test  plants faults that do not deserve to be called noticed
#
# Each file has the faults of a floor of the library. A row has
#
#   why      what the fault would mean to a user
#   place    the function that has it: `name`, or `Type::name`, `module::Type::name` where
#            others of that name have the same code; in any file of src/ and examples/
#   find     the code to look for in it, once: a pattern of ast-grep, in which $NAME stands
#            for any expression, and $$$NAMES for any number of arguments or statements
#   replace  the code that is planted instead; its $NAMES are those of `find`
#   tests    the tests that have to notice: `binary::test`; `loom_awake::test` is a model of
#            `loom` whose waiters stay awake for a turn (tests/loom.sh); `uses/binary::test` is
#            one of examples/uses
#
# What was noticed is remembered until the sources change, so a run that was broken off
# goes on where it stopped; --again also runs these. PYTHON may name another Python.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR=never

stop() { printf '%s\n' "$*" >&2; exit 2; }

python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
  stop "$python is missing or older than 3.11: PYTHON=... may name another"

requirements=tests/plant/requirements.txt
venv=${CARGO_TARGET_DIR:-target}/planted-venv
if ! cmp -s "$requirements" "$venv/requirements.txt"; then
  printf '== install %s into %s\n' "$requirements" "$venv" >&2
  mkdir -p "${venv%/*}"
  "$python" -m venv --clear "$venv" ||
    stop "$python -m venv does not work: on Debian, apt-get install python3-venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements"
  # Last, so that one that was broken off begins again.
  cp "$requirements" "$venv/requirements.txt"
fi
exec "$venv/bin/python" tests/plant/plant.py "$@"
