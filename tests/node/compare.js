'use strict';
// Compares the machine with the Node that runs this: random scenarios, played
// by both, whose traces must be equal, line for line.
//
//     node compare.js [--several] [--stream-by-stream] REPLAY COUNT [SEED]
//
// REPLAY is the replayer (target/release/replay). With --several the scenarios
// are of two or three streams that act on each other. --stream-by-stream plants a fault
// in the replayer, which --several must find. A scenario that
// differs is shrunk to a smallest one, and shown with the first line that
// differs. Scenarios in which Node corrupted its own array (K1 and K2, which
// the machine does not follow) are counted by themselves. Exits 1 on a difference.

const { spawnSync } = require('child_process');
const { parseArgs } = require('util');
const { play } = require('./oracle.js');
const { scenario, several } = require('./generate.js');

const BATCH = 20_000;

function replay(program, scenarios) {
  const run = spawnSync(program[0], ['--profile', 'node', ...program.slice(1)], {
    input: scenarios.map((one) => `${JSON.stringify(one)}\n`).join(''),
    maxBuffer: Infinity,
    encoding: 'utf8',
  });
  if (run.error || run.status !== 0) {
    throw new Error(`${program.join(' ')}: ${run.error ?? run.stderr}`);
  }
  return run.stdout.trimEnd().split('\n').map((line) => JSON.parse(line).t);
}

const same = (a, b) => a.length === b.length && a.every((line, index) => line === b[index]);

const without = (list, index) => list.filter((_, other) => other !== index);

// Every scenario that is a little smaller than this one. One turn is left, so that there
// are ticks.
function* smaller(from) {
  for (let n = 0; n < from.turns.length; n++) {
    if (from.turns.length > 1) yield { ...from, turns: without(from.turns, n) };
    for (let m = 0; m < from.turns[n].length; m++) {
      yield { ...from, turns: from.turns.with(n, without(from.turns[n], m)) };
    }
  }
  if (!from.streams) {
    for (const plan of smallerPlans(from)) yield { ...from, ...plan };
    return;
  }
  for (const [index, plan] of from.streams.entries()) {
    if (from.streams.length > 2) yield withoutStream(from, index);
    for (const less of smallerPlans(plan)) {
      yield { ...from, streams: from.streams.with(index, { ...plan, ...less }) };
    }
  }
}

// What is a little smaller of one stream.
function* smallerPlans({ o, on, sink }) {
  for (const [point, lists] of Object.entries(on)) {
    const rest = Object.fromEntries(Object.entries(on).filter(([other]) => other !== point));
    yield { on: rest };
    for (let n = 0; n < lists.length; n++) {
      for (let m = 0; m < lists[n].length; m++) {
        yield { on: { ...rest, [point]: lists.with(n, without(lists[n], m)) } };
      }
    }
  }
  for (const key of ['f', 'c', 'd', 'v', 'obj']) {
    if (o[key]) yield { o: { ...o, [key]: 0 } };
  }
  for (const key of ['ad', 'ec']) {
    if (!o[key]) yield { o: { ...o, [key]: 1 } };
  }
  if (o.hwm !== 16) yield { o: { ...o, hwm: 16 } };
  if (sink.length > 1) yield { sink: sink.slice(0, -1) };
}

// The same without one stream and without what acts on it. Later streams move up.
function withoutStream(from, gone) {
  const moved = (action) => {
    const [, index, rest] = /^(\d+)(.*)$/.exec(action);
    return Number(index) === gone ? [] : [`${index > gone ? index - 1 : index}${rest}`];
  };
  const rest = (lists) => lists.map((list) => list.flatMap(moved));
  const hooked = ({ on }) => Object.fromEntries(Object.entries(on).map(([point, lists]) => [point, rest(lists)]));
  return {
    ...from,
    streams: without(from.streams, gone).map((plan) => ({ ...plan, on: hooked(plan) })),
    turns: rest(from.turns),
  };
}

async function differs(program, one) {
  const { t, q } = await play(one);
  if (q.length) return false;
  return !same(t, replay(program, [one])[0]);
}

async function shrink(program, from) {
  for (const candidate of smaller(from)) {
    if (await differs(program, candidate)) return shrink(program, candidate);
  }
  return from;
}

async function show(program, found) {
  const least = await shrink(program, found);
  const { t } = await play(least);
  const ours = replay(program, [least])[0];
  const at = t.findIndex((line, index) => line !== ours[index]);
  const first = at < 0 ? t.length : at;
  console.log(`scenario ${found.id} differs; the smallest like it:\n  ${JSON.stringify(least)}`);
  t.slice(Math.max(0, first - 5), first).forEach((line) => console.log(`  both     ${line}`));
  console.log(`  node     ${t[first] ?? '(nothing more)'}`);
  console.log(`  machine  ${ours[first] ?? '(nothing more)'}`);
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { several: { type: 'boolean' }, 'stream-by-stream': { type: 'boolean' } },
  });
  const [path, count, seedText] = positionals;
  const total = Number(count);
  const seed = Number(seedText ?? Date.now() % 1_000_000);
  if (!path || !Number.isInteger(total) || !Number.isInteger(seed)) {
    console.error('usage: node compare.js [--several] [--stream-by-stream] REPLAY COUNT [SEED]');
    process.exit(2);
  }
  const program = values['stream-by-stream'] ? [path, '--stream-by-stream'] : [path];
  const make = values.several ? several : scenario;
  let differing = 0;
  let marked = 0;
  for (let from = 0; from < total; from += BATCH) {
    const length = Math.min(BATCH, total - from);
    const scenarios = Array.from({ length }, (_, n) => make(seed, from + n));
    const ours = replay(program, scenarios);
    for (const [index, one] of scenarios.entries()) {
      const { t, q } = await play(one);
      if (q.length) {
        marked += 1;
      } else if (!same(t, ours[index])) {
        differing += 1;
        if (differing <= 3) await show(program, one);
      }
    }
  }
  const node = process.version;
  const kind = values.several ? 'several ' : '';
  console.log(`${kind}node=${node} seed=${seed} scenarios=${total} different=${differing} k1_k2=${marked}`);
  process.exit(differing ? 1 : 0);
}

main();
