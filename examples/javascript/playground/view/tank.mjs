// The tank of one stream, as shapes: what is queued, what the sink works on, and the marks.
// What is drawn is what the stream says; nothing is decided here.

import { size, working } from './words.mjs';

export const WIDTH = 204;
export const HEIGHT = 262;

const LEFT = 18;
const RIGHT = 148;
const SIDE = RIGHT + 9; // where words stand beside the tank
const TOP = 56;
const FLOOR = 214;
const MIDDLE = (LEFT + RIGHT) / 2;

// Before anything has happened.
export const EMPTY = {
  writable: true, ended: false, finished: false, needsDrain: false, destroyed: false, closed: false,
  length: 0, corked: 0, errored: null, phase: 'writable', queue: [], more: 0, flight: [], calls: 0,
};

const text = (key, x, y, words, className, anchor = 'middle') => ({
  key, tag: 'text', x, y, text: words, class: className, 'text-anchor': anchor,
});

// `terms`: { high, low, objects, heeds }; `most`: the longest so far; `answer`: of the last write.
export function tank(now, { high, low, objects, heeds }, most, answer) {
  const scale = (FLOOR - TOP) / Math.max(high * 1.4, most * 1.12, 1);
  const y = (length) => FLOOR - length * scale;
  return [
    ...producer(now, heeds, answer),
    { key: 'walls', tag: 'path', class: 'walls', d: `M${LEFT} ${TOP - 8} V${FLOOR} H${RIGHT} V${TOP - 8}` },
    ...chunks(now, scale),
    ...mark('high', y(high), 'mark', size(high, objects)),
    // The words of the low mark make room for those of the high one.
    ...(low > 0 ? mark('low', y(low), 'low', size(low, objects), Math.max(0, 27 - (y(low) - y(high)))) : []),
    text('level', MIDDLE, Math.max(TOP - 12, y(now.length) - 6), now.length ? size(now.length, objects) : '', 'level'),
    ...sink(now),
  ];
}

function producer(now, heeds, answer) {
  const [words, state] = (() => {
    if (now.errored) return ['writes are refused', 'bad'];
    if (now.destroyed && !now.finished) return ['writes are refused', 'quiet'];
    if (now.ended) return ['producer has ended', 'quiet'];
    if (!now.needsDrain) return ['producer may write', 'open'];
    return heeds ? ['producer waits', 'waits'] : ['producer should wait', 'ignores'];
  })();
  const returned = answer === undefined ? '' : `→ ${answer}`;
  return [
    { key: 'producer', tag: 'rect', class: `box ${state}`, x: 1, y: 2, width: RIGHT + LEFT - 2, height: 26, rx: 13 },
    text('says', MIDDLE, 20, words, 'label'),
    { key: 'spout', tag: 'path', class: 'pipe', d: `M${MIDDLE} 28 V40` },
    text('answer', SIDE - 4, 44, returned, `answer ${answer === false ? 'false' : 'true'}`, 'start'),
  ];
}

function chunks(now, scale) {
  const working = new Set(now.flight.map(([number]) => number));
  const known = [...now.flight, ...now.queue];
  const shown = known.reduce((sum, [, length]) => sum + length, 0);
  const rest = now.length - shown;
  const named = known.map(([number, length]) => ({ key: `c${number}`, length, name: String(number), state: working.has(number) ? 'flight' : 'queue' }));
  // What is too much to draw one by one, or what is counted and nowhere.
  if (rest > 0) named.push({ key: 'rest', length: rest, name: now.more ? `${now.more} more` : 'lost', state: now.more ? 'queue' : 'lost' });
  let below = 0;
  return named.flatMap(({ key, length, name, state }) => {
    const height = Math.max(length * scale, length ? 1.5 : 0.5);
    const top = FLOOR - below - height;
    below += height;
    const gap = height > 5 ? 1.5 : 0;
    const at = `--y:${top.toFixed(1)}px`;
    const block = { key, tag: 'rect', class: `chunk ${state}`, x: LEFT + 4, y: 0, width: RIGHT - LEFT - 8, height: Math.max(0.5, height - gap).toFixed(1), rx: Math.min(3, height / 3).toFixed(1), style: at };
    if (height < 12.5) return [block];
    return [block, { key: `n${key}`, tag: 'text', class: `number ${state}`, x: MIDDLE, y: (height / 2 + 3.5).toFixed(1), text: name, 'text-anchor': 'middle', style: at }];
  });
}

function mark(key, y, name, length, lower = 0) {
  const style = `--y:${y.toFixed(1)}px`;
  return [
    { key, tag: 'path', class: `mark ${key}`, d: `M${LEFT - 6} 0 H${RIGHT + 6}`, style },
    { ...text(`${key}-name`, SIDE, lower - 2, name, `mark-name ${key}`, 'start'), style },
    { ...text(`${key}-length`, SIDE, lower + 11, length, `mark-name ${key}`, 'start'), style },
  ];
}

function sink(now) {
  const works = working(now);
  const shapes = [
    { key: 'drain', tag: 'path', class: 'pipe', d: `M${MIDDLE} ${FLOOR} V${FLOOR + 18}` },
    { key: 'sink', tag: 'rect', class: `box ${works ? 'busy' : 'quiet'}`, x: 1, y: FLOOR + 18, width: RIGHT + LEFT - 2, height: 26, rx: 5 },
    text('sink-says', MIDDLE, FLOOR + 36, works ? `sink writes ${works}` : 'sink is idle', 'label'),
  ];
  if (now.corked > 0) {
    shapes.push({ key: 'cork', tag: 'path', class: 'cork', d: `M${MIDDLE - 10} ${FLOOR - 2} L${MIDDLE - 7} ${FLOOR + 14} H${MIDDLE + 7} L${MIDDLE + 10} ${FLOOR - 2} Z` });
    shapes.push(text('corked', MIDDLE + 16, FLOOR + 13, now.corked === 1 ? 'cork' : `${now.corked} corks`, 'answer', 'start'));
  }
  return shapes;
}
