'use strict';
// What the runtime has besides its own Writable.

const stream = require('stream');

// Node's modules look at bits under a private symbol of `_writableState`: `Readable.pipe` and
// others, when a stream fails that they write to. The symbol and the bits are read from
// Writables of Node's own, which do nothing else. Other runtimes have no such symbol.
function privateState() {
  const state = (options) => new stream.Writable(options)._writableState;
  const before = state();
  const kState = Object.getOwnPropertySymbols(before).find((one) => one.description === 'kState');
  if (kState === undefined) return { kState, bits: {} };
  const bit = (change) => {
    const after = state();
    change(after);
    return (after[kState] ^ before[kState]) | 0;
  };
  return {
    kState,
    bits: {
      autoDestroy: before[kState] & ~state({ autoDestroy: false })[kState],
      destroyed: bit((one) => { one.destroyed = true; }),
      errored: bit((one) => { one.errored = new Error('errored'); }),
      errorEmitted: bit((one) => { one.errorEmitted = true; }),
    },
  };
}

// The mark of a stream for which the caller names none.
const defaultMark = stream.getDefaultHighWaterMark ?? ((objects) => (objects ? 16 : 16 * 1024));

module.exports = {
  ...privateState(),
  defaultMark,
  // Streams have been disposable since some version of each runtime.
  disposal: Symbol.asyncDispose && Symbol.asyncDispose in stream.Writable.prototype
    ? Symbol.asyncDispose
    : undefined,
};
