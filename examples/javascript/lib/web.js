'use strict';
// `Writable.fromWeb` and `Writable.toWeb`.

const { invalidType } = require('./errors.js');

// Taken now: a program may put this Writable in the place of Node's. Node's adapter asks of a
// stream only what any Writable has.
const { toWeb } = require('stream').Writable;

function webFaces(Writable) {
  Writable.fromWeb = (writableStream, options) => fromWeb(Writable, writableStream, options);
  Writable.toWeb = toWeb;
  return Writable;
}

// A Writable that writes into a WritableStream of the web.
function fromWeb(Writable, writableStream, options = {}) {
  check(writableStream, options);
  const { highWaterMark, decodeStrings, objectMode, signal } = options;
  const writer = writableStream.getWriter();
  let closed = false;
  // As in Node, what a callback throws destroys the stream: at once after one chunk, else in the
  // next tick.
  const fail = (thrown) => writable.destroy(thrown);
  const failNext = (thrown) => process.nextTick(fail, thrown);
  const writable = new Writable({
    highWaterMark,
    decodeStrings,
    objectMode,
    signal,
    write(chunk, _, callback) {
      settled(writer.ready.then(() => writer.write(chunk)), callback, fail);
    },
    writev(chunks, callback) {
      settled(writer.ready.then(() => Promise.all(chunks.map(({ chunk }) => writer.write(chunk)))), callback, failNext);
    },
    final(callback) {
      if (closed) callback();
      else settled(writer.close(), callback, failNext);
    },
    destroy(error, callback) {
      const answer = () => callback(error);
      if (closed) answer();
      else settled(error == null ? writer.close() : writer.abort(error), answer, throwNext);
    },
  });
  writer.closed.then(() => {
    closed = true;
  }, (error) => {
    closed = true;
    writable.destroy(error);
  });
  return writable;
}

// Calls back when the promise is settled. What the callback throws must not be lost in a promise:
// `caught` gets it.
function settled(promise, callback, caught) {
  const answer = (error) => {
    try {
      callback(error);
    } catch (thrown) {
      caught(thrown);
    }
  };
  promise.then(() => answer(), answer);
}

function throwNext(thrown) {
  process.nextTick(() => { throw thrown; });
}

// Node's errors for what is no WritableStream, and for options that it does not know.
function check(writableStream, options) {
  if (!(writableStream instanceof WritableStream)) {
    throw invalidType('"writableStream" argument', 'an instance of WritableStream', writableStream);
  }
  if (options === null || typeof options !== 'object' || Array.isArray(options)) {
    throw invalidType('"options" argument', 'of type object', options);
  }
  for (const name of ['objectMode', 'decodeStrings']) {
    const value = options[name];
    if (value !== undefined && typeof value !== 'boolean') {
      throw invalidType(`"options.${name}" property`, 'of type boolean', value);
    }
  }
}

module.exports = { webFaces };
