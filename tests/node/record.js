'use strict';
// Records what Node does in scenarios chosen so that together they show as much
// as possible of what there is, in few bytes:
//
//     node record.js REPLAY SEED COUNT > spec/traces/node.jsonl
//     node record.js REPLAY SEED COUNT several > spec/traces/several.jsonl
//
// Of COUNT random scenarios, the smaller ones first, one is kept if it shows
// something new: one line after another, with the flags of the stream and its
// hooks, or one quirk at work (the replayer without it gives another trace).
// Scenarios in which Node corrupts its own array are left out. Of scenarios of several
// streams, one is kept if the order of ticks across the streams matters (the replayer
// that runs them stream by stream gives another trace) and it shows a line of one stream
// after a line of another that is new.

const { spawnSync } = require('child_process');
const { play } = require('./oracle.js');
const { scenario, several } = require('./generate.js');

const MOST_BYTES = 1_900_000;
const EACH_QUIRK = 40;
const MOST_BYTES_OF_SEVERAL = 190_000;

const QUIRKS = ['WRITEV_LOSES', 'REORDERS', 'FORGETS_END_CALLBACK', 'FINISH_AFTER_DESTROY',
  'SENDS_AFTER_ERROR', 'FLUSH_IGNORES_CORK', 'DESTROY_ERRORS', 'OBJECT_MODE_TICK',
  'CALLBACK_AFTER_CLOSE', 'FORGETS_FINISH', 'DEFERS_LATE', 'TAKES_ANY_ANSWER'];

// The properties are left out of a line if they are those of the line before.
function compact(lines) {
  let before = '';
  return lines.map((line) => {
    const [what, now] = line.split(' | ');
    const same = now === before;
    before = now;
    return same ? what : line;
  });
}

function* features({ o }, lines) {
  const kind = (line) => line.split(' | ')[0].replace(/\d+/g, 'N').replace(/N@N(,N@N)+/, 'N@N,');
  const flags = (line) => (line.split(' | ')[1] ?? '').split(' ')[0];
  const hooks = ['v', 'obj', 'ad', 'f', 'c', 'd'].map((key) => o[key]).join('');
  for (let n = 0; n < lines.length; n++) {
    const now = `${kind(lines[n])}|${flags(lines[n])}`;
    yield `${n ? kind(lines[n - 1]) : ''}>${now}`;
    yield `${n > 1 ? kind(lines[n - 2]) : ''}>${n ? kind(lines[n - 1]) : ''}>${kind(lines[n])}`;
    yield `${hooks}:${kind(lines[n])}`;
  }
}

// Each line of one stream that comes after a line of another.
function* changes(lines) {
  const kind = (line) => line.slice(2).split(' | ')[0].replace(/\d+/g, 'N').replace(/N@N(,N@N)+/, 'N@N,');
  for (let n = 1; n < lines.length; n++) {
    if (lines[n][0] !== lines[n - 1][0]) yield `${kind(lines[n - 1])}>${kind(lines[n])}`;
  }
}

function replay(program, scenarios, options) {
  const run = spawnSync(program, options, {
    input: scenarios.map((one) => `${JSON.stringify(one)}\n`).join(''),
    maxBuffer: Infinity,
    encoding: 'utf8',
  });
  if (run.error || run.status !== 0) throw new Error(`${program}: ${run.error ?? run.stderr}`);
  return run.stdout.trimEnd().split('\n').map((line) => JSON.stringify(JSON.parse(line).t));
}

async function main() {
  const [program, seed, count, kind] = process.argv.slice(2);
  const make = kind === 'several' ? several : scenario;
  const scenarios = Array.from({ length: Number(count) }, (_, n) => make(Number(seed), n));
  const recorded = [];
  for (const one of scenarios) {
    const { t, q } = await play(one);
    const { id, ...rest } = one;
    if (!q.length) {
      recorded.push({ one, t, line: JSON.stringify({ ...rest, t: compact(t) }) });
    }
  }
  recorded.sort((a, b) => a.line.length - b.line.length);

  const [kept, ...counts] = kind === 'several'
    ? chooseSeveral(recorded, program)
    : choose(recorded, program);
  for (const { line } of kept) process.stdout.write(`${line}\n`);
  process.stderr.write(`${kept.size} scenarios, ${counts[0]} bytes, ${counts[1]} features\n`);
}

function choose(recorded, program) {
  const kept = new Set();
  let bytes = 0;
  const keep = (entry) => {
    if (kept.has(entry) || bytes + entry.line.length + 1 > MOST_BYTES) return;
    kept.add(entry);
    bytes += entry.line.length + 1;
  };
  const all = recorded.map(({ one }) => one);
  for (const quirk of QUIRKS) {
    const others = QUIRKS.filter((other) => other !== quirk);
    const without = replay(program, all, ['--quirks', others.join(',')]);
    recorded
      .filter(({ t }, index) => JSON.stringify(t) !== without[index])
      .slice(0, EACH_QUIRK)
      .forEach(keep);
  }
  const seen = new Set();
  for (const entry of recorded) {
    const shown = [...features(entry.one, entry.t)];
    if (shown.some((feature) => !seen.has(feature))) {
      shown.forEach((feature) => seen.add(feature));
      keep(entry);
    }
  }
  return [kept, bytes, seen.size];
}

function chooseSeveral(recorded, program) {
  const all = recorded.map(({ one }) => one);
  const faulty = replay(program, all, ['--profile', 'node', '--stream-by-stream']);
  const kept = new Set();
  const seen = new Set();
  let bytes = 0;
  for (const [index, entry] of recorded.entries()) {
    const fresh = [...changes(entry.t)].filter((change) => !seen.has(change));
    const matters = JSON.stringify(entry.t) !== faulty[index];
    if (!matters || !fresh.length || bytes + entry.line.length + 1 > MOST_BYTES_OF_SEVERAL) continue;
    fresh.forEach((change) => seen.add(change));
    kept.add(entry);
    bytes += entry.line.length + 1;
  }
  return [kept, bytes, seen.size];
}

main();
