'use strict';
// What the runtime has besides its own Writable.

const stream = require('stream');

// Taken now: a program may put another Writable in the place of Node's.
const { Writable } = stream;

// Node's modules look at bits under a private symbol of `_writableState`: `Readable.pipe` and
// others, when a stream fails that they write to. The symbol and the bits are read from one
// Writable of Node's own, which does nothing else. Other runtimes have no such symbol.
function privateState() {
  const state = new Writable()._writableState;
  const kState = Object.getOwnPropertySymbols(state).find((one) => one.description === 'kState');
  const bits = {};
  if (kState === undefined) return { kState, bits };
  for (const [name, value] of [['autoDestroy', false], ['destroyed', true], ['errored', new Error('errored')],
    ['errorEmitted', true]]) {
    const before = state[kState];
    state[name] = value;
    bits[name] = before ^ state[kState];
  }
  return { kState, bits };
}

// Whether a string with the encoding 'buffer' is refused even if strings stay strings: so from
// Node 24 on.
const refusesBuffer = !(Number.parseInt(process.versions?.node, 10) < 24);

// What a Duplex of Node's own has, for a call such as `Writable.prototype.end.call(duplex)`.
const ofDuplex = stream.Duplex.prototype;

// The mark of a stream for which the caller names none.
const defaultMark = stream.getDefaultHighWaterMark ?? ((objects) => (objects ? 16 : 16 * 1024));

module.exports = {
  ...privateState(),
  defaultMark,
  ofDuplex,
  refusesBuffer,
  // Streams have been disposable since some version of each runtime.
  disposal: Symbol.asyncDispose && Symbol.asyncDispose in Writable.prototype
    ? Symbol.asyncDispose
    : undefined,
};
