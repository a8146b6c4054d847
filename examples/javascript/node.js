'use strict';
// A drop-in for `require('stream').Writable`: exactly as Node's is, its faults included.

const { QUIRKS } = require('./lib/machine.js');
const { makeWritable } = require('./lib/writable.js');
const { webFaces } = require('./lib/web.js');

const Writable = webFaces(makeWritable({ bits: QUIRKS, marks: false }));
Writable.Writable = Writable;

module.exports = Writable;
