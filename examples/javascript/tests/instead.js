'use strict';
// Loaded before a test of Node's own: puts this Writable in the place of Node's. The process
// ends with status 77 if Node's Writable does any work in its stead.

const stream = require('stream');
const Ours = require('../node.js');

const Theirs = stream.Writable;
for (const name of ['write', 'end', 'cork', 'uncork', 'destroy']) {
  const method = Theirs.prototype[name];
  Theirs.prototype[name] = function (...inputs) {
    if (this.constructor === Theirs) {
      process._rawDebug(`Node's own Writable was used: ${name}`);
      process.exit(77);
    }
    return method.apply(this, inputs);
  };
}
stream.Writable = Ours;
