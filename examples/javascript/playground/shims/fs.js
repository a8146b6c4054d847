'use strict';
// The page has one file: the module, which the build puts in as base64.

const module_ = require('highwater.wasm');

module.exports = { readFileSync: () => module_ };
