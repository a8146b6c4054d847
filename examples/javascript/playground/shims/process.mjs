// The ticks of the page are its own, so that it can play a case at once and the same each
// time: `runTicks` runs them, first in, first out.

const ticks = [];

export const process = {
  env: {},
  nextTick: (run, ...given) => ticks.push([run, given]),
};

export function runTicks() {
  for (let tick = ticks.shift(); tick; tick = ticks.shift()) tick[0](...tick[1]);
}
