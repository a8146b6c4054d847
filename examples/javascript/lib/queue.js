'use strict';
// The chunks that wait for the sink: `queue`, from `at` on.

const { OBJECTS } = require('./machine.js');

// Bits of `bits`: a chunk of the queue has a callback, or is not a buffer.
const HAS_CALLBACK = 1 << 9;
const NOT_ALL_BUFFERS = 1 << 10;

// The callback of a chunk without one, as `_writev` sees it.
function nop() {}

function append(core, chunk, encoding, callback) {
  if (callback !== null) core.bits |= HAS_CALLBACK;
  if (encoding !== 'buffer') core.bits |= NOT_ALL_BUFFERS;
  const entry = { chunk, encoding, callback: callback === null ? nop : callback };
  core.queue ??= [];
  core.queue.push(entry);
}

function pop(core) {
  const { queue } = core;
  const entry = queue[core.at];
  queue[core.at++] = null;
  if (core.at === queue.length) {
    emptied(core);
  } else if (core.at > 256 && core.at * 2 > queue.length) {
    queue.splice(0, core.at);
    core.at = 0;
  }
  return entry;
}

// The head leaves the queue: the sink has it.
function give(core) {
  const entry = pop(core);
  const { chunk, callback } = entry;
  core.given = size(core, chunk);
  core.flight = callback === nop ? null : callback;
  return entry;
}

function emptied(core) {
  core.queue = null;
  core.at = 0;
  core.bits &= ~(HAS_CALLBACK | NOT_ALL_BUFFERS);
}

// The head as the machine wants to know it: its length times 2, plus 1 if it has a callback.
function measure(core) {
  if (core.queue === null) return -1;
  const { chunk, callback } = core.queue[core.at];
  return size(core, chunk) * 2 + (callback === nop ? 0 : 1);
}

// What a chunk of the queue counts.
function size(core, chunk) {
  return (core.bits & OBJECTS) !== 0 ? 1 : chunk.length;
}

module.exports = { HAS_CALLBACK, NOT_ALL_BUFFERS, append, emptied, give, measure, nop, pop };
