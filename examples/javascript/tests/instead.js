'use strict';
// Loaded before a test of Node's own: puts this Writable in the place of Node's. The process
// ends with status 77 if Node's Writable does any work in its stead.

const { syncBuiltinESMExports } = require('module');
const stream = require('stream');

// Before this Writable is loaded, so that it can keep none of Node's methods as they were.
const Theirs = stream.Writable;
for (const name of ['write', 'end', 'cork', 'uncork', 'destroy', 'pipe', 'setDefaultEncoding']) {
  const method = Theirs.prototype[name];
  Theirs.prototype[name] = function (...inputs) {
    if (this.constructor === Theirs) {
      process._rawDebug(`Node's own Writable was used: ${name}`);
      process.exit(77);
    }
    return method.apply(this, inputs);
  };
}
stream.Writable = require('../node.js');
syncBuiltinESMExports();
