'use strict';
// The machine: the exports of highwater.wasm, and what their numbers mean. It has every
// rule of the stream; nothing else in JavaScript decides anything.

const fs = require('fs');
const path = require('path');

// HIGHWATER_WASM names another module: the planted faults use it.
const file = process.env.HIGHWATER_WASM || path.join(__dirname, '..', 'highwater.wasm');

function load() {
  if (typeof WebAssembly === 'undefined') {
    throw new Error('highwater needs WebAssembly, which this runtime does not have');
  }
  let bytes;
  try {
    bytes = fs.readFileSync(file);
  } catch (cause) {
    throw new Error(`highwater cannot read ${file}: build it with core/build.sh`, { cause });
  }
  return new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
}

const exported = load();

// Four words with the details of the last step: 0 and 1 the continuation, 2 and 3 those of
// the effect. The view is made anew when the memory has grown.
const memory = { words: view() };

function view() {
  return new Int32Array(exported.memory.buffer, exported.words(), 4);
}

// Makes a stream and returns its number.
function create(bits, high, low, limit) {
  const slot = exported.create(bits, high, low, limit);
  if (slot === 0) throw new RangeError('highwater has no memory left for a stream');
  if (memory.words.length === 0) memory.words = view();
  return slot;
}

// What a stream is created with. The first two may change later.
const WRITEV = 1;
const FINAL = 2;
const CONSTRUCT = 4;
const OBJECTS = 8;
const AUTO_DESTROY = 16;
const EMIT_CLOSE = 32;
const QUIRKS = 64;

// Inputs without a chunk.
const CALL = {
  START: 0,
  CORK: 1,
  UNCORK: 2,
  DESTROY: 3,
  CONSTRUCTED: 4,
  FINALIZED: 5,
  DESTROYED: 6,
  JOINED: 7,
};

// The bits of a report: the effect, and flags.
const REPORT = {
  EFFECT: 31,
  THEN: 32,
  TAKEN: 64,
  UNCOUNTED: 128,
  ROOM: 256,
  CALLBACK: 512,
  SELF: 1024,
  LAST: 2048,
};

const EFFECT = {
  NONE: 0,
  REFUSE: 1,
  QUEUE: 2,
  WRITE_GIVEN: 3,
  WRITE_HEAD: 4,
  WRITE_BATCH: 5,
  CONSTRUCT: 6,
  FINALIZE: 7,
  DESTROY: 8,
  OPEN: 9,
  DRAIN: 10,
  PREFINISH: 11,
  FINISH: 12,
  ERROR: 13,
  CLOSE: 14,
  CALLBACK: 15,
  REJECT_TAKEN: 16,
  REJECT_HEAD: 17,
  FAIL_HEAD: 18,
  KEEP_END: 19,
  DEFER_END: 20,
  CALL_ENDS: 21,
  DEFER: 22,
  DEFER_AFTER_WRITE: 23,
};

// Kinds of tasks and continuations that the driver makes itself.
const TASK_WRITE_FAILED = 3;
const TASK_HAS_CALLBACK = 8;
const THEN_FAIL = 11;
const THEN_TELL_ERROR = 12;

// Kinds of faults. An error of the caller has its id in the bits from 3 on.
const FAULT = {
  CALLER: 1,
  WRITE_AFTER_END: 2,
  DESTROYED: 3,
  ALREADY_FINISHED: 4,
  MULTIPLE_CALLBACK: 5,
  TOO_LONG: 6,
  NOT_IMPLEMENTED: 7,
};

// The bits of `flags`.
const FLAG = {
  WRITABLE: 1,
  ENDED: 2,
  FINISHED: 4,
  NEEDS_DRAIN: 8,
  DESTROYED: 16,
  CLOSED: 32,
  ABORTED: 64,
  WRITING: 128,
  OWES_DRAIN: 256,
};

module.exports = {
  ...exported,
  create,
  memory,
  WRITEV,
  FINAL,
  CONSTRUCT,
  OBJECTS,
  AUTO_DESTROY,
  EMIT_CLOSE,
  QUIRKS,
  CALL,
  REPORT,
  EFFECT,
  TASK_WRITE_FAILED,
  TASK_HAS_CALLBACK,
  THEN_FAIL,
  THEN_TELL_ERROR,
  FAULT,
  FLAG,
};
