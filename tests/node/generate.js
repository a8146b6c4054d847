'use strict';
// Makes random scenarios. The same seed and number always give the same
// scenario, on every Node.
//
//     node generate.js SEED COUNT [several]
//
// Coincidences are what finds faults, so everything is small: few distinct
// lengths and marks, chunks of no length, every hook and every way of
// answering, errors, corks and destruction everywhere, re-entrant actions at
// every point, and now and then a burst of hundreds of writes.

const { POINTS } = require('./oracle.js');

// mulberry32: 32 bits of state are plenty here.
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

// Draws by one random sequence.
function draws(next) {
  const below = (n) => Math.floor(next() * n);
  const chance = (p) => next() < p;
  const pick = (list) => list[below(list.length)];
  const weighted = (pairs) => {
    let at = next() * pairs.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, value] of pairs) {
      at -= weight;
      if (at < 0) return value;
    }
    return pairs[0][1];
  };
  const repeat = (least, most, make) => Array.from({ length: least + below(most - least + 1) }, make);
  return { below, chance, pick, weighted, repeat };
}

// A mix of its own for each stream, so that rare things pile up in some: its options,
// `o`, how often it does what, and an action.
function mix({ chance, pick, weighted }) {
  // One in eight is wild: longer, and re-entrant everywhere, deep down.
  const wild = chance(0.125);
  const reentrant = wild || chance(0.65);
  const errors = chance(0.5) ? 0.12 : 0;
  const withHooks = chance(0.6);
  const destroys = chance(0.5) ? 2 : 0.2;
  const corks = chance(0.6) ? 4 : 1;
  const twice = chance(wild ? 0.4 : 0.25) ? (wild ? 5 : 2) : 0;
  const sinkLetters = pick(['m', 's', 't', 'ms', 'mst', 'st', 'msSt', 'mstT', 'msStT']);
  const bursts = chance(wild ? 0.1 : 0.03);

  const bit = () => (chance(errors) ? 1 : 0);
  const len = () => weighted([[3, 0], [8, 1], [4, 2], [3, 3], [2, 5]]);
  const callback = () => weighted([[4, 'n'], [4, 'o'], [2, 'a'], [1, 'b']]);
  const hook = (letters) => (withHooks && chance(0.45) ? pick([...letters]) : 0);

  const o = {
    hwm: weighted([[2, 0], [4, 1], [3, 2], [4, 3], [2, 5], [3, 16]]),
    obj: chance(0.2) ? 1 : 0,
    ad: chance(0.6) ? 1 : 0,
    ec: chance(0.85) ? 1 : 0,
    v: chance(0.5) ? 1 : 0,
    f: hook('ssStTmmx'),
    c: hook('ssStTmmx'),
    d: hook('ssStTmmxpP'),
  };

  const action = (inside) => weighted([
    [10, () => `w${len()}${callback()}`],
    [bursts && !inside ? 1 : 0.01, () => `r${pick([2, 3, 17, 260, 300])}x${len()}${callback()}`],
    [2.5, () => `e${chance(0.6) ? '-' : len()}${chance(0.5) ? 'o' : 'n'}`],
    [corks, () => 'c'],
    [corks, () => 'u'],
    [destroys, () => `d${bit()}`],
    [7, () => `k${bit()}`],
    [twice, () => `K${bit()}`],
    [o.f ? 2 : 0.1, () => `f${bit()}`],
    [o.c ? 2 : 0.1, () => `o${bit()}`],
    [o.d ? 1 : 0.1, () => `x${bit()}`],
  ])();
  return { wild, reentrant, sinkLetters, o, action };
}

// What is hooked to the points of a stream. `action` makes each action.
function hooked({ below, chance, repeat }, { wild, reentrant }, action) {
  const on = {};
  if (reentrant) {
    for (const point of POINTS) {
      const often = point === 'w' || point === 'cb' ? 0.6 : 0.3;
      if (!chance(wild ? often + 0.35 : often)) continue;
      const hits = 1 + below(wild ? 5 : 3);
      on[point] = Array.from({ length: hits }, () => repeat(0, wild ? 5 : 3, action));
    }
  }
  return on;
}

const sink = ({ pick, repeat }, { sinkLetters }) => repeat(1, 5, () => pick([...sinkLetters])).join('');

// A scenario of one stream.
function scenario(seed, number) {
  const draw = draws(random(Math.imul(seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b)));
  const { repeat } = draw;
  const stream = mix(draw);
  const { wild, o, action } = stream;
  const on = hooked(draw, stream, () => action(true));
  return {
    id: number,
    o,
    sink: sink(draw, stream),
    turns: repeat(1, wild ? 9 : 5, () => repeat(0, wild ? 9 : 6, () => action(false))),
    on,
  };
}

// A scenario of two or three streams. What is hooked to one of them acts on another one
// as often as on itself.
function several(seed, number) {
  const draw = draws(random(Math.imul(seed, 0xc2b2ae35) ^ Math.imul(number + 1, 0x27d4eb2f)));
  const { below, chance, repeat } = draw;
  const mixes = repeat(2, 3, () => mix(draw));
  const act = (index, inside) => `${index}${mixes[index].action(inside)}`;
  const any = () => below(mixes.length);
  return {
    id: number,
    streams: mixes.map((stream, own) => ({
      o: stream.o,
      on: hooked(draw, stream, () => act(chance(0.5) ? own : any(), true)),
      sink: sink(draw, stream),
    })),
    turns: repeat(1, 5, () => repeat(0, 9, () => act(any(), false))),
  };
}

module.exports = { scenario, several };

if (require.main === module) {
  const [seed, count] = process.argv.slice(2, 4).map(Number);
  const make = process.argv[4] === 'several' ? several : scenario;
  for (let number = 0; number < count; number++) {
    process.stdout.write(`${JSON.stringify(make(seed, number))}\n`);
  }
}
