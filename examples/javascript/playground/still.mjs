// The first scene as a picture: both lanes at the step at which the difference is largest.

import { align } from './engine/align.mjs';
import { SCENES } from './scenes.mjs';
import * as level from './view/chart.mjs';
import { asText } from './view/dom.mjs';
import { HEIGHT, WIDTH, tank } from './view/tank.mjs';

const GAP = 70;
const EDGE = 34;
const TOP = 52;

export const size = { width: 2 * WIDTH + GAP + 2 * EDGE, height: TOP + HEIGHT + level.HEIGHT + 34 };

export function still() {
  const made = SCENES[0].make({ burst: 4 });
  const frames = made.map(({ run }) => run.frames);
  const steps = align(frames);
  const at = (step, lane) => steps[step][lane];
  const length = (step, lane) => frames[lane][at(step, lane)]?.now.length ?? 0;
  const full = made[1].scenario.o.hwm;
  let shown = 0;
  steps.forEach((_, step) => {
    const waits = frames[1][at(step, 1)]?.now;
    if (waits?.needsDrain && waits.length >= full && length(step, 0) > length(shown, 0)) shown = step;
  });
  return made.map((lane, n) => draw(lane, frames[n], steps, n, shown)).join('\n');
}

function draw({ caption, heeds, scenario }, frames, steps, lane, shown) {
  const at = steps[shown][lane];
  const { now } = frames[at];
  const terms = { high: scenario.o.hwm, low: 0, objects: false, heeds };
  const levels = steps.map((one) => frames[one[lane]]?.now.length ?? 0);
  const most = Math.max(...levels.slice(0, shown + 1));
  const answer = frames.slice(0, at + 1).findLast(({ record }) => record.room !== undefined).record.room;
  const points = levels.slice(0, shown + 1).map((length, step) => [step / (steps.length - 1), length]);
  return `<g transform="translate(${EDGE + lane * (WIDTH + GAP)} ${TOP})">
<text class="caption" x="0" y="-20">${caption}</text>
${asText(tank(now, terms, most, answer))}
<g transform="translate(0 ${HEIGHT + 14})">${asText(level.chart(points, terms.high, most))}</g>
</g>`;
}
