'use strict';
// The contract without Node's faults. Two more options: `lowWaterMark`, at or below which
// 'drain' comes, and `limit`, past which a chunk is refused (both in bytes, or objects).

const { makeWritable } = require('./lib/writable.js');
const { BIT } = require('./lib/state.js');
const { webFaces } = require('./lib/web.js');

const Writable = webFaces(makeWritable({ bits: BIT.ONCE, marks: true }));
Writable.Writable = Writable;

module.exports = Writable;
