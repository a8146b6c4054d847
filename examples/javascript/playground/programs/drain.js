'use strict';
// Writes 100,000 lines into a file, and waits whenever the stream is full.
const { createWriteStream } = require('fs');

const highWaterMark = 16 * 1024;
const out = createWriteStream('numbers.txt', { highWaterMark });
let n = 1;

function fill() {
  while (n <= 100_000) {
    const room = out.write(`${n++}\n`); // [write]
    if (!room) return out.once('drain', fill); // [full] [drain]
  }
  out.end(); // [end]
}

fill();
