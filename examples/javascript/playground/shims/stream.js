'use strict';
// What the core needs of Node's `stream`: the class below its own. The page has no other
// streams, so the rest is empty.

const EventEmitter = require('events');

function Stream(options) {
  EventEmitter.call(this, options);
}
Object.setPrototypeOf(Stream.prototype, EventEmitter.prototype);

class Writable {
  _writableState = {};
}

module.exports = { Stream, Writable, Duplex: class Duplex {} };
