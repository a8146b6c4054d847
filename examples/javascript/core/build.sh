#!/usr/bin/env bash
# Builds ../highwater.wasm from source: core/build.sh [--without QUIRK] [FILE]
#
# Uses rustup's target if it is installed (`rustup target add wasm32-unknown-unknown`), else
# Debian's packages rustc-web, rust-web-src and lld, which it installs if missing. wasm-opt
# (npm: binaryen) then shrinks the module; it is fetched to target/ on the first run.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
without=''
if [ "${1-}" = --without ]; then
  without=$2
  shift 2
fi
file=${1:-$here/../highwater.wasm}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$here/../../../target}/javascript
[ -z "$without" ] || export HIGHWATER_WITHOUT=$without

build() {
  cargo "$@" build --quiet --locked --release --manifest-path "$here/Cargo.toml" --target wasm32-unknown-unknown
}
if rustup target list --installed 2>/dev/null | grep -x wasm32-unknown-unknown >/dev/null; then
  build
else
  dpkg -s rustc-web rust-web-src lld >/dev/null 2>&1 || {
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends rustc-web rust-web-src lld >/dev/null
  }
  library=$(dpkg -L rust-web-src | grep -x '/usr/src/rustc-[^/]*/library')
  export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 __CARGO_TESTS_ONLY_SRC_ROOT=$library
  export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld
  export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS='-C linker-flavor=wasm-ld'
  build -Zbuild-std=core,panic_abort
fi

tools="$CARGO_TARGET_DIR/tools"
optimize="$tools/node_modules/.bin/wasm-opt"
[ -x "$optimize" ] ||
  npm install --silent --no-fund --no-audit --prefix "$tools" binaryen@132.0.0 >/dev/null
built="$CARGO_TARGET_DIR/wasm32-unknown-unknown/release/highwater_javascript.wasm"
"$optimize" -O3 --enable-bulk-memory --enable-sign-ext --enable-nontrapping-float-to-int \
  --enable-mutable-globals --enable-multivalue --enable-reference-types \
  --strip-debug --strip-producers --strip-target-features "$built" -o "$file"
printf '%s: %s bytes, %s with gzip\n' "$(realpath --relative-to="$PWD" "$file")" \
  "$(wc -c <"$file")" "$(gzip -9c "$file" | wc -c)"
