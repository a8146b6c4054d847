'use strict';
// `Writable.fromWeb` and `Writable.toWeb`.

// Taken now: a program may put this Writable in the place of Node's.
const { fromWeb: fromWebOfNode, toWeb } = require('stream').Writable;

function webFaces(Writable) {
  Writable.fromWeb = (writableStream, options) => fromWeb(Writable, writableStream, options);
  // Node's adapter asks of a stream only what any Writable has.
  Writable.toWeb = toWeb;
  return Writable;
}

// A Writable that writes into a WritableStream of the web.
function fromWeb(Writable, writableStream, options = {}) {
  check(writableStream, options);
  const { highWaterMark, decodeStrings = true, objectMode = false, signal } = options;
  const writer = writableStream.getWriter();
  let closed = false;
  const close = (how, callback) => (closed ? callback() : how().then(callback, callback));
  const writable = new Writable({
    highWaterMark,
    decodeStrings,
    objectMode,
    signal,
    write(chunk, _, callback) {
      settled(writer.ready.then(() => writer.write(bytes(chunk, objectMode))), callback);
    },
    writev(chunks, callback) {
      const all = () => Promise.all(chunks.map(({ chunk }) => writer.write(bytes(chunk, objectMode))));
      settled(writer.ready.then(all), callback);
    },
    final(callback) {
      if (closed) callback();
      else settled(writer.close(), callback);
    },
    destroy(error, callback) {
      const how = () => (error == null ? writer.close() : writer.abort(error));
      close(how, () => process.nextTick(callback, error));
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

// Outside of the promise, so that what the callback throws is an uncaught exception.
function settled(promise, callback) {
  promise.then(() => process.nextTick(callback), (error) => process.nextTick(callback, error));
}

function bytes(chunk, objectMode) {
  return !objectMode && typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk;
}

function check(writableStream, options) {
  // Node's own errors for what is no WritableStream and no options.
  if (typeof writableStream?.getWriter !== 'function' || typeof options !== 'object' || options === null) {
    fromWebOfNode(writableStream, options);
  }
}

module.exports = { webFaces };
