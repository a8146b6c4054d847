// The level over time, as shapes.

export const WIDTH = 204;
export const HEIGHT = 42;

const BASE = HEIGHT - 4;

// `points`: [[x, level], ...] with x from 0 to 1; `at`: the index of the point that is shown.
export function chart(points, at, high, most) {
  const top = Math.max(high * 1.4, most * 1.12, 1);
  const x = (part) => (4 + part * (WIDTH - 8)).toFixed(1);
  const y = (level) => (BASE - (level / top) * (BASE - 4)).toFixed(1);
  const until = points.slice(0, at + 1);
  const line = until.map(([part, level], n) => (n === 0 ? `M${x(part)} ${y(level)}` : `H${x(part)} V${y(level)}`)).join(' ');
  const [last, level] = until.at(-1) ?? [0, 0];
  return [
    { key: 'base', tag: 'path', class: 'walls', d: `M4 ${BASE} H${WIDTH - 4}` },
    { key: 'area', tag: 'path', class: 'area', d: line ? `${line} V${BASE} H${x(until[0][0])} Z` : 'M0 0' },
    { key: 'line', tag: 'path', class: 'line', d: line || 'M0 0' },
    { key: 'high', tag: 'path', class: 'mark high', d: `M4 ${y(high)} H${WIDTH - 4}` },
    { key: 'dot', tag: 'circle', class: 'dot', cx: x(last), cy: y(level), r: 3 },
  ];
}
