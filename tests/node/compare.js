'use strict';
// Compares the machine with the Node that runs this: random scenarios, played
// by both, whose traces must be equal, line for line.
//
//     node compare.js REPLAY COUNT [SEED]
//
// REPLAY is the replayer (target/release/examples/replay). A scenario that
// differs is shrunk to a smallest one, and shown with the first line that
// differs. Scenarios in which Node corrupted its own array (K1 and K2, which
// the machine does not follow) are counted by themselves. Exits 1 on a difference.

const { spawnSync } = require('child_process');
const { play } = require('./oracle.js');
const { scenario } = require('./generate.js');

const BATCH = 20_000;

function replay(program, scenarios) {
  const run = spawnSync(program, ['--profile', 'node'], {
    input: scenarios.map((one) => `${JSON.stringify(one)}\n`).join(''),
    maxBuffer: Infinity,
    encoding: 'utf8',
  });
  if (run.error || run.status !== 0) {
    throw new Error(`${program}: ${run.error ?? run.stderr}`);
  }
  return run.stdout.trimEnd().split('\n').map((line) => JSON.parse(line).t);
}

const same = (a, b) => a.length === b.length && a.every((line, index) => line === b[index]);

// Everything that is a little smaller than this scenario.
function* smaller(from) {
  const without = (list, index) => list.filter((_, other) => other !== index);
  for (let n = 0; n < from.turns.length; n++) {
    yield { ...from, turns: without(from.turns, n) };
    for (let m = 0; m < from.turns[n].length; m++) {
      yield { ...from, turns: from.turns.with(n, without(from.turns[n], m)) };
    }
  }
  for (const [point, lists] of Object.entries(from.on)) {
    const rest = Object.fromEntries(Object.entries(from.on).filter(([other]) => other !== point));
    yield { ...from, on: rest };
    for (let n = 0; n < lists.length; n++) {
      for (let m = 0; m < lists[n].length; m++) {
        yield { ...from, on: { ...rest, [point]: lists.with(n, without(lists[n], m)) } };
      }
    }
  }
  for (const key of ['f', 'c', 'd', 'v', 'obj']) {
    if (from.o[key]) yield { ...from, o: { ...from.o, [key]: 0 } };
  }
  for (const key of ['ad', 'ec']) {
    if (!from.o[key]) yield { ...from, o: { ...from.o, [key]: 1 } };
  }
  if (from.o.hwm !== 16) yield { ...from, o: { ...from.o, hwm: 16 } };
  if (from.sink.length > 1) yield { ...from, sink: from.sink.slice(0, -1) };
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
  const [program, count, seedText] = process.argv.slice(2);
  const total = Number(count);
  const seed = Number(seedText ?? Date.now() % 1_000_000);
  if (!program || !Number.isInteger(total) || !Number.isInteger(seed)) {
    console.error('usage: node compare.js REPLAY COUNT [SEED]');
    process.exit(2);
  }
  let differing = 0;
  let marked = 0;
  for (let from = 0; from < total; from += BATCH) {
    const length = Math.min(BATCH, total - from);
    const scenarios = Array.from({ length }, (_, n) => scenario(seed, from + n));
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
  console.log(`node=${node} seed=${seed} scenarios=${total} different=${differing} k1_k2=${marked}`);
  process.exit(differing ? 1 : 0);
}

main();
