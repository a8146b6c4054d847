'use strict';
// Compares a Writable of this package with Node's own on random scenarios, in the Node that
// runs this. Traces must be equal, line for line.
//
//     node compare.js [--no-looks] [--several] [--quiet] COUNT [SEED] [FROM]
//     node compare.js --strict REPLAY [--no-looks] [--several] COUNT [SEED] [FROM]
//
// Each line has the properties of the stream. To read them settles what was done on leases,
// so --no-looks leaves them out. Scenarios in which Node corrupted its own array (K1 and K2)
// are counted by themselves. With --strict the strict Writable is compared with the machine
// itself, played by REPLAY (target/release/replay). Exits 1 on a difference.

const { spawnSync } = require('child_process');
const { parseArgs } = require('util');
const { play } = require('../../tests/node/oracle.js');
const { scenario, several } = require('../../tests/node/generate.js');

const BATCH = 10_000;
const SHOWN = 3;

const withoutProperties = (line) => line.split(' | ')[0];
const same = (a, b) => a.length === b.length && a.every((line, index) => line === b[index]);

function replay(program, scenarios) {
  const run = spawnSync(program, ['--profile', 'strict'], {
    input: scenarios.map((one) => `${JSON.stringify(one)}\n`).join(''),
    maxBuffer: Infinity,
    encoding: 'utf8',
  });
  if (run.error || run.status !== 0) throw new Error(`${program}: ${run.error ?? run.stderr}`);
  return run.stdout.trimEnd().split('\n').map((line) => ({ t: JSON.parse(line).t, q: [] }));
}

async function expected(options, scenarios) {
  if (options.strict) return replay(options.strict, scenarios);
  const traces = [];
  for (const one of scenarios) traces.push(await play(one));
  return traces;
}

function show(one, theirs, ours) {
  const at = ours.findIndex((line, index) => line !== theirs[index]);
  const first = at < 0 ? ours.length : at;
  console.log(`scenario ${one.id} differs:\n  ${JSON.stringify(one)}`);
  ours.slice(Math.max(0, first - 5), first).forEach((line) => console.log(`  both      ${line}`));
  console.log(`  expected  ${theirs[first] ?? '(nothing more)'}`);
  console.log(`  highwater ${ours[first] ?? '(nothing more)'}`);
}

async function compare(options, total, seed, start) {
  const Writable = require(options.strict ? './strict.js' : './node.js');
  const make = options.several ? several : scenario;
  const looks = !options['no-looks'];
  const counts = { different: 0, marked: 0 };
  for (let from = start; from < start + total; from += BATCH) {
    const length = Math.min(BATCH, start + total - from);
    const scenarios = Array.from({ length }, (_, n) => make(seed, from + n));
    const traces = await expected(options, scenarios);
    for (const [index, one] of scenarios.entries()) {
      const { t: lines, q: marks } = traces[index];
      if (marks.length) {
        counts.marked += 1;
        continue;
      }
      const theirs = looks ? lines : lines.map(withoutProperties);
      const { t: ours } = await play(one, { Writable, looks });
      if (same(ours, theirs)) continue;
      counts.different += 1;
      if (counts.different <= SHOWN && !options.quiet) show(one, theirs, ours);
    }
  }
  return counts;
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      strict: { type: 'string' },
      'no-looks': { type: 'boolean' },
      several: { type: 'boolean' },
      quiet: { type: 'boolean' },
    },
  });
  const total = Number(positionals[0]);
  const seed = Number(positionals[1] ?? process.env.HIGHWATER_SEED ?? Date.now() % 1_000_000);
  const from = Number(positionals[2] ?? 0);
  if (![total, seed, from].every(Number.isInteger)) {
    console.error('usage: node compare.js [--strict REPLAY] [--no-looks] [--several] [--quiet] COUNT [SEED] [FROM]');
    process.exit(2);
  }
  const { different, marked } = await compare(values, total, seed, from);
  const kind = [values.strict ? 'strict' : 'node', values['no-looks'] ? 'no-looks' : 'looks',
    values.several ? 'several' : 'one'].join(' ');
  console.log(`${kind} ${process.version} seed=${seed} scenarios=${total} different=${different} k1_k2=${marked}`);
  process.exit(different ? 1 : 0);
}

main();
