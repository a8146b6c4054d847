'use strict';
// Emits 'drain' while half of the data is still there, so the sink never runs dry.
const { Writable } = require('highwater/strict');

const out = new Writable({
  highWaterMark: 16 * 1024,
  lowWaterMark: 8 * 1024,
  write(chunk, encoding, done) { setTimeout(done, 1); }, // [sink]
});
let left = 12;

function fill() {
  while (left-- > 0) {
    if (!out.write(Buffer.alloc(4096))) { // [write] [full]
      return out.once('drain', () => setImmediate(fill)); // [drain]
    }
  }
  out.end(() => console.log('finished')); // [end]
}

fill();
