// Speed and size beside Node's own Writable and readable-stream 4.
//
//     node bench.mjs [--rounds 8] [--case NAME]... [--check]
//
// Each round runs each case once in each implementation, in a process of its own, one after
// the other, so that a slow moment of the machine hits all of them. The best run of each
// counts. Times are CPU time for a write of 256 bytes; case d is wall time for one of 1 KiB.
// With --check the exit status is 1 if a bound is passed, and 2 if a run fails or does not end.
// The machine must be quiet.
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, rmSync, write as writeFile, writev as writevFile } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';

const require = createRequire(import.meta.url);
const here = fileURLToPath(new URL('.', import.meta.url));
const CHUNK = Buffer.alloc(256, 'a');

const WRITABLES = {
  node: () => require('node:stream').Writable,
  'readable-stream': () => require(process.env.READABLE_STREAM || 'readable-stream').Writable,
  highwater: () => require('./node.js'),
};

// Each case: what it does, its bound beside Node's own, and the nanoseconds of one write.
const CASES = {
  a: ['the sink answers at once', 1.0, (W) => atOnce(W, () => undefined, 2e6)],
  b: ['the same, with one callback for all writes', 1.0, (W) => atOnce(W, (called) => called, 1e6)],
  b2: ['the same, with a callback for each write', 1.1, (W) => atOnce(W, (called) => () => called(), 1e6)],
  c: ['a macrotask later, in batches', 1.1, (W) => later(W, setImmediate, true, false)],
  ccb: ['the same, with callbacks', 1.1, (W) => later(W, setImmediate, true, true)],
  cm: ['a microtask later, in batches', 1.2, (W) => later(W, queueMicrotask, true, false)],
  cs: ['a microtask later, one by one', 1.25, (W) => later(W, queueMicrotask, false, false)],
  d: ['a file, in batches of 1 KiB', 1.1, (W) => file(W)],
};

const MODULE_BYTES = 18 * 1024;
const ALL_BYTES_ZIPPED = 20 * 1024;
const IDLE_BYTES = 450;
const LONGEST = 60_000; // milliseconds that a run may take

const cpu = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
};
const wall = () => Number(process.hrtime.bigint());
const macrotask = () => new Promise((resolve) => { setImmediate(resolve); });

function expect(what, actual, expected) {
  if (actual !== expected) throw new Error(`${what}: ${actual}, not ${expected}`);
}

async function atOnce(Writable, callbackOf, total) {
  const stream = new Writable({ write(chunk, encoding, callback) { callback(); } });
  let calls = 0;
  const called = () => { calls += 1; };
  const callbacks = callbackOf(called) !== undefined;
  const each = callbacks ? 1000 : 10_000;
  const start = cpu();
  for (let round = 0; round < total / each; round++) {
    if (callbacks) for (let n = 0; n < each; n++) stream.write(CHUNK, callbackOf(called));
    else for (let n = 0; n < each; n++) stream.write(CHUNK);
    await macrotask();
  }
  const spent = cpu() - start;
  if (callbacks) expect('callbacks', calls, total);
  return spent / total;
}

// Writes until `write` returns false, and goes on at 'drain'.
function pump(stream, total, write) {
  return new Promise((resolve, reject) => {
    let written = 0;
    const go = () => {
      while (written < total) {
        written += 1;
        if (!write()) return;
      }
      stream.end();
    };
    stream.on('drain', go).on('finish', resolve).on('error', reject);
    go();
  });
}

async function later(Writable, defer, batches, callbacks) {
  const total = 1e6;
  let taken = 0;
  const stream = new Writable({
    highWaterMark: 16 * 1024,
    write(chunk, encoding, callback) { taken += 1; defer(callback); },
    ...(batches && { writev(chunks, callback) { taken += chunks.length; defer(callback); } }),
  });
  const called = () => {};
  const start = cpu();
  await pump(stream, total, callbacks ? () => stream.write(CHUNK, called) : () => stream.write(CHUNK));
  const spent = cpu() - start;
  expect('chunks', taken, total);
  return spent / total;
}

async function file(Writable) {
  const total = 100_000;
  const chunk = Buffer.alloc(1024, 'a');
  const path = join(tmpdir(), `highwater-bench-${process.pid}`);
  const fd = openSync(path, 'w');
  const stream = new Writable({
    highWaterMark: 16 * 1024,
    write(one, encoding, callback) { writeFile(fd, one, 0, one.length, null, (error) => callback(error)); },
    writev(chunks, callback) { writevFile(fd, chunks.map((one) => one.chunk), null, (error) => callback(error)); },
  });
  const start = wall();
  await pump(stream, total, () => stream.write(chunk));
  const spent = wall() - start;
  expect('bytes', fstatSync(fd).size, total * chunk.length);
  closeSync(fd);
  rmSync(path);
  return spent / total;
}

// The memory of streams that do nothing: made, or made and written to once.
async function idle(Writable, written) {
  const total = 20_000;
  const options = { write(chunk, encoding, callback) { callback(); } };
  const make = () => Array.from({ length: total }, () => {
    const stream = new Writable(options);
    if (written) stream.write(CHUNK);
    return stream;
  });
  const used = async () => {
    await macrotask();
    global.gc();
    await macrotask();
    global.gc();
    const { heapUsed, external, arrayBuffers } = process.memoryUsage();
    return heapUsed + external + arrayBuffers;
  };
  let kept = make();
  kept = null;
  const before = await used();
  kept = make();
  const bytes = (await used() - before) / kept.length;
  return bytes;
}

async function one(implementation, name) {
  const Writable = WRITABLES[implementation]();
  if (name === 'idle') return idle(Writable, false);
  if (name === 'idle-written') return idle(Writable, true);
  const [, , run] = CASES[name];
  await run(Writable);
  const spent = [];
  for (let n = 0; n < 3; n++) spent.push(await run(Writable));
  return Math.min(...spent);
}

function child(implementation, name) {
  const run = spawnSync(process.execPath, ['--expose-gc', fileURLToPath(import.meta.url), '--one', implementation, name],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], timeout: LONGEST });
  if (run.status !== 0) {
    console.error(`${implementation} ${name}: ${run.error?.message ?? `ended with ${run.status ?? run.signal}`}`);
    process.exit(2);
  }
  return Number(run.stdout);
}

function measure(names, implementations, rounds) {
  const best = Object.fromEntries(names.map((name) => [name, {}]));
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      for (const implementation of implementations) {
        const spent = child(implementation, name);
        best[name][implementation] = Math.min(spent, best[name][implementation] ?? Infinity);
      }
    }
  }
  return best;
}

// The package as it is shipped: the module, and the scripts without comments.
function sizes() {
  execFileSync(join(here, 'pack.sh'), { stdio: ['ignore', 'ignore', 'inherit'] });
  const read = (name) => readFileSync(join(here, 'dist', name));
  const module = read('highwater.wasm');
  const scripts = readdirSync(join(here, 'dist/lib')).map((name) => read(join('lib', name)));
  const all = Buffer.concat([module, read('node.js'), read('strict.js'), ...scripts]);
  return { module: module.length, zipped: gzipSync(all, { level: 9 }).length };
}

function installed(implementation) {
  try {
    return Boolean(WRITABLES[implementation]());
  } catch {
    return false;
  }
}

function main({ rounds, case: wanted = Object.keys(CASES), check }) {
  const implementations = Object.keys(WRITABLES).filter(installed);
  const best = measure(wanted, implementations, Number(rounds));
  let passed = true;
  const row = (...cells) => console.log(`| ${cells.join(' | ')} |`);
  console.log(`Node ${process.version}, best of ${rounds} interleaved runs; ns a write, and how many times Node's own\n`);
  row('case', 'what', 'bound', ...implementations);
  row(...Array(3 + implementations.length).fill('---'));
  for (const name of wanted) {
    const [what, bound] = CASES[name];
    const cells = implementations.map((each) => {
      const ratio = best[name][each] / best[name].node;
      return `${best[name][each].toFixed(0)} (${ratio.toFixed(2)})`;
    });
    passed &&= best[name].highwater / best[name].node <= bound;
    row(name, what, bound.toFixed(2), ...cells);
  }
  const { module, zipped } = sizes();
  console.log(`\nmodule ${module} bytes (at most ${MODULE_BYTES}); module and JavaScript ${zipped} bytes with gzip (at most ${ALL_BYTES_ZIPPED})`);
  for (const name of ['idle', 'idle-written']) {
    const bytes = implementations.map((each) => [each, child(each, name)]);
    console.log(`${name}: ${bytes.map(([each, n]) => `${each} ${n.toFixed(0)}`).join(', ')} bytes a stream (at most ${IDLE_BYTES})`);
    passed &&= bytes.every(([each, n]) => each !== 'highwater' || n <= IDLE_BYTES);
  }
  passed &&= module <= MODULE_BYTES && zipped <= ALL_BYTES_ZIPPED;
  process.exitCode = check && !passed ? 1 : 0;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    one: { type: 'boolean' },
    rounds: { type: 'string', default: '8' },
    case: { type: 'string', multiple: true },
    check: { type: 'boolean' },
  },
});
if (values.one) console.log(await one(...positionals));
else main(values);
