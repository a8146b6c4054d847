'use strict';
// Runs a program on Node's own Writable with a change in its source:
//
//     node --expose-internals changed.cjs PROGRAM < DIFF
//
// DIFF has lines of `internal/streams/writable`: ` ` stays, `-` goes, `+` comes.

const { readFileSync } = require('node:fs');
const { internalBinding, primordials } = require('internal/test/binding');

const side = (diff, sign) => diff.filter((line) => line[0] === ' ' || line[0] === sign).map((line) => line.slice(1)).join('\n');

function changed(source, diff) {
  const [before, after] = [side(diff, '-'), side(diff, '+')];
  if (source.split(before).length !== 2) throw new Error('the lines of the change do not stand just once in the source');
  return source.replace(before, () => after);
}

const diff = readFileSync(0, 'utf8').split('\n').filter(Boolean);
const source = changed(process.binding('natives')['internal/streams/writable'], diff);
const module_ = { exports: {} };
new Function('exports', 'require', 'module', 'process', 'internalBinding', 'primordials', source)(
  module_.exports, require, module_, process, internalBinding, primordials);
const program = readFileSync(process.argv[2], 'utf8');
new Function('require', program)((name) => (name === 'stream' ? { Writable: module_.exports } : require(name)));
