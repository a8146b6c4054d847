'use strict';
// Runs a program on another Writable: `node on.cjs MODULE PROGRAM`.

const { readFileSync } = require('node:fs');
const { resolve } = require('node:path');

const Writable = require(resolve(process.argv[2]));
const program = readFileSync(process.argv[3], 'utf8');
new Function('require', program)((name) => (name === 'stream' ? { Writable } : require(name)));
