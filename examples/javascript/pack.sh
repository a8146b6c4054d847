#!/usr/bin/env bash
# Makes the package in dist/: the module and the scripts without comments (npm: esbuild).
# Prints how large it is. Run core/build.sh first.
set -euo pipefail
cd "$(dirname "$0")"
tools=${CARGO_TARGET_DIR:-$PWD/../../target}/javascript/tools
[ -x "$tools/node_modules/.bin/esbuild" ] ||
  npm install --silent --no-fund --no-audit --prefix "$tools" esbuild@0.25.0 >/dev/null
rm -rf dist
mkdir dist
"$tools/node_modules/.bin/esbuild" --log-level=warning --minify --platform=node --outdir=dist --outbase=. \
  node.js strict.js lib/*.js
cp highwater.wasm package.json ./*.mjs ./*.d.ts ./*.d.mts dist/
rm -f dist/bench.mjs dist/node_tests.mjs
printf 'module %s bytes; module and scripts %s bytes with gzip\n' "$(wc -c <dist/highwater.wasm)" \
  "$(cat dist/highwater.wasm dist/*.js dist/lib/*.js | gzip -9c | wc -c)"
