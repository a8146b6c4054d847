'use strict';
// Records more.jsonl: `node kit/record.js > kit/more.jsonl`. Random scenarios of one stream
// and of several, each with what this Node does. Those in which Node corrupts its own array
// are left out.

const { play } = require('../../../tests/node/oracle.js');
const { scenario, several } = require('../../../tests/node/generate.js');

const SEED = 2026;
const COUNTS = [[scenario, 1800], [several, 200]];
const MOST_BYTES = 1200; // of one scenario

function compact(lines) {
  let before = '';
  return lines.map((line) => {
    const [what, now] = line.split(' | ');
    const same = now === before;
    before = now;
    return same ? what : line;
  });
}

async function main() {
  for (const [make, count] of COUNTS) {
    for (let kept = 0, n = 0; kept < count; n++) {
      const { id, ...one } = make(SEED, n);
      const { t, q } = await play(one);
      const line = JSON.stringify({ ...one, t: compact(t) });
      if (q.length || line.length > MOST_BYTES) continue;
      process.stdout.write(`${line}\n`);
      kept += 1;
    }
  }
}

main();
