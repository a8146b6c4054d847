'use strict';
// Compares a Writable of this package with Node's own on random scenarios, in the Node that
// runs this. Traces must be equal, line for line.
//
//     node tests/compare.js [--no-looks] [--several] [--first] COUNT [SEED] [FROM]
//     node tests/compare.js --own-destroy [--no-looks] [--several] [--first] COUNT [SEED] [FROM]
//     node tests/compare.js --strict REPLAY [--no-looks] [--several] [--first] COUNT [SEED] [FROM]
//
// Each line has the properties of the stream. To read them settles what was done on leases,
// so --no-looks leaves them out. Scenarios in which Node corrupted its own array (K1 and K2)
// are counted by themselves. With --strict the strict Writable is compared with the machine
// itself, played by REPLAY (target/release/replay). With --own-destroy each stream has a
// `destroy` of its own, as a subclass may have. With --first it ends at the first
// difference. Exits 1 on a difference. HIGHWATER_PACKAGE names another folder of the package.

const { spawnSync } = require('child_process');
const path = require('path');
const { parseArgs } = require('util');
const { play } = require('../../../tests/node/oracle.js');
const { scenario, several } = require('../../../tests/node/generate.js');

const PACKAGE = path.resolve(process.env.HIGHWATER_PACKAGE || path.join(__dirname, '..'));
const BATCH = 5000;
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

// The strict Writable has two marks more. The number of the scenario decides about them.
function withMarks(one) {
  const pick = (list, by) => list[(one.id >>> by) % list.length];
  const add = (plan) => ({ ...plan, o: { ...plan.o, lw: pick([0, 0, 1, 2], 0), ...pick([{}, {}, { lim: 4 }, { lim: 7 }], 2) } });
  return withCallbacks(one.streams ? { ...one, streams: one.streams.map(add) } : add(one));
}

// A chunk past the limit that no callback knows of fails the stream, which is for JavaScript alone:
// so under a limit each chunk has a callback.
function withCallbacks(one) {
  const text = JSON.stringify(one);
  return text.includes('"lim"') ? JSON.parse(text.replace(/"(\d*(?:[we]\d+|r\d+x\d+))n"/g, '"$1o"')) : one;
}

// Each stream has a `destroy` of its own. Where that calls the one of the class later or never,
// some things are left out: README.md says which, and what differs then.
function withOwnDestroy(one) {
  const own = 'stE2cn'[one.id % 6];
  const waits = 'nt'.includes(own);
  const c = (o) => (waits && 'Sx'.includes(o.f) ? 0 : o.c);
  const add = (plan) => ({ ...plan, o: { ...plan.o, c: c(plan.o), own } });
  const all = one.streams ? { ...one, streams: one.streams.map(add) } : add(one);
  if (!waits) return all;
  const fails = (one.streams ?? [one]).some(({ o }) => 'STx'.includes(o.f));
  const text = JSON.stringify(all).replace(/f[01]"/g, fails ? 'u"' : 'f0"');
  const ends = /"\d*e[-\d]/.test(text);
  return JSON.parse(ends ? text.replace(/([kK])1"/g, '$10"') : text, ends ? failsOnce : undefined);
}

// Of the answers that a sink gives by itself only the first may be an error.
function failsOnce(key, value) {
  if (key !== 'sink') return value;
  const first = value.search(/[A-Z]/) + 1;
  return value.slice(0, first) + (value.slice(first) || value.at(-1)).toLowerCase();
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

// Scenarios that random ones seldom have: they show how after-writes are counted.
const RARE = (() => {
  const o = { hwm: 5, obj: 0, ad: 1, ec: 1, v: 0, f: 0, c: 0, d: 0 };
  const late = ['1w1o', '0c', '0w5n', '0u', '0e-n'];
  const stream = (on, sink = 's') => ({ o, sink, on });
  const other = stream({ cb: [['1w1o']] });
  const two = (first, turns) => ({ streams: [first, other], turns });
  return [
    two(stream({}), [['0w1n', '0w1a', ...late]]),
    two(stream({}), [['0w1n', '0w1a'], ['0w1a', ...late]]),
    two(stream({ drain: [['0w1n', '0w1a', ...late]], w: [[], [], [], ['0k0', '0c', '0u']] }, 'sssms'),
      [['0c', '0w5n', '0u', '0w1a']]),
  ].map((one, n) => ({ id: `rare ${n}`, ...one }));
})();

async function compare(options, total, seed, start) {
  const Writable = require(path.join(PACKAGE, options.strict ? 'strict.js' : 'node.js'));
  const random = options.several ? several : scenario;
  const change = options.strict ? withMarks : options['own-destroy'] ? withOwnDestroy : (one) => one;
  const make = (...at) => change(random(...at));
  const looks = !options['no-looks'];
  const counts = { different: 0, marked: 0 };
  for (let from = start; from < start + total; from += BATCH) {
    const length = Math.min(BATCH, start + total - from);
    const scenarios = Array.from({ length }, (_, n) => make(seed, from + n));
    if (options.several && from === start) scenarios.push(...RARE);
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
      if (counts.different <= SHOWN) show(one, theirs, ours);
      if (options.first) return counts;
    }
  }
  return counts;
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      strict: { type: 'string' },
      'own-destroy': { type: 'boolean' },
      'no-looks': { type: 'boolean' },
      several: { type: 'boolean' },
      first: { type: 'boolean' },
    },
  });
  const total = Number(positionals[0]);
  const seed = Number(positionals[1] ?? process.env.HIGHWATER_SEED ?? Date.now() % 1_000_000);
  const from = Number(positionals[2] ?? 0);
  if (![total, seed, from].every(Number.isInteger)) {
    console.error('usage: node compare.js [--strict REPLAY] [--no-looks] [--several] [--first] COUNT [SEED] [FROM]');
    process.exit(2);
  }
  const { different, marked } = await compare(values, total, seed, from);
  const kind = [values.strict ? 'strict' : 'node', values['no-looks'] ? 'no-looks' : 'looks',
    values.several ? 'several' : 'one', ...(values['own-destroy'] ? ['own-destroy'] : [])].join(' ');
  console.log(`${kind} ${process.version} seed=${seed} scenarios=${total} different=${different} k1_k2=${marked}`);
  process.exit(different ? 1 : 0);
}

main();
