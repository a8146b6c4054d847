'use strict';
// `node kit/play.js` on a runtime with Node's modules: options, files, and the report.

const fs = require('fs');
const path = require('path');
const { parseArgs } = require('util');
const { difference, expanded, highwaterKit } = require('./play.js');

const MANIFEST = path.join(__dirname, 'kit.json');

function scenarios(files) {
  const folder = path.dirname(MANIFEST);
  const names = files.length ? files : JSON.parse(fs.readFileSync(MANIFEST)).files.map((name) => path.join(folder, name));
  return names.flatMap((name) => fs.readFileSync(name, 'utf8').trimEnd().split('\n').map((line, index) => {
    try {
      return { where: `${path.basename(name)}:${index + 1}`, ...JSON.parse(line) };
    } catch (error) {
      throw new Error(`${name}:${index + 1}: ${error.message}`);
    }
  }));
}

function writableOf(name) {
  const found = require(name === 'stream' ? name : path.resolve(name));
  const Writable = found.Writable ?? found;
  if (typeof Writable !== 'function') throw new Error(`${name} has no Writable`);
  return Writable;
}

// A subject may throw where Node does not, also in a tick. That ends the scenario.
let failed = null;
process.on('uncaughtException', (error) => failed?.(error));

function played(play, one) {
  return new Promise((resolve) => {
    failed = (error) => resolve([`threw ${error.message}`]);
    try {
      play(one, resolve);
    } catch (error) {
      failed(error);
    }
  });
}

function runtime() {
  if (process.versions.bun) return `Bun ${process.versions.bun}`;
  if (process.versions.deno) return `Deno ${process.versions.deno}`;
  return `Node ${process.versions.node}`;
}

async function run({ writable, show, json, 'no-looks': blind }, files) {
  const looks = !blind;
  const play = highwaterKit({
    Writable: writableOf(writable),
    nextTick: process.nextTick,
    setImmediate,
    chunk: (length) => Buffer.alloc(length),
    looks,
  });
  const all = scenarios(files);
  let different = 0;
  for (const one of all) {
    const actual = await played(play, one);
    const at = difference(actual, one.t, looks);
    if (at < 0) continue;
    different += 1;
    if (different > Number(show)) continue;
    const { t, where, ...scenario } = one;
    console.error(`${where} ${JSON.stringify(scenario)}\n  Node  ${expanded(t)[at]}\n  here  ${actual[at]}`);
  }
  const { version } = JSON.parse(fs.readFileSync(MANIFEST));
  const report = { kit: version, runtime: runtime(), writable, looks, scenarios: all.length, different };
  console.log(json ? JSON.stringify(report)
    : `kit ${version}, ${report.runtime}, ${writable}: ${different} of ${all.length} scenarios differ`);
  return different === 0 ? 0 : 1;
}

function main() {
  let options;
  try {
    options = parseArgs({
      allowPositionals: true,
      options: {
        writable: { type: 'string', default: 'stream' },
        show: { type: 'string', default: '3' },
        json: { type: 'boolean' },
        'no-looks': { type: 'boolean' },
      },
    });
  } catch (error) {
    console.error(`play.js: ${error.message}`);
    process.exit(2);
  }
  run(options.values, options.positionals).then((status) => process.exit(status), (error) => {
    console.error(`play.js: ${error.message}`);
    process.exit(2);
  });
}

module.exports = { main };
