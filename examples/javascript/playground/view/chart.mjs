// The level over time, as shapes.

export const WIDTH = 204;
export const HEIGHT = 42;

const BASE = HEIGHT - 4;

// `points`: [[x, level], ...] with x from 0 to 1. The last one is now.
export function chart(points, high, most) {
  const top = Math.max(high * 1.4, most * 1.12, 1);
  const x = (part) => (4 + part * (WIDTH - 8)).toFixed(1);
  const y = (level) => (BASE - (level / top) * (BASE - 4)).toFixed(1);
  const line = points.map(([part, level], n) => (n === 0 ? `M${x(part)} ${y(level)}` : `H${x(part)} V${y(level)}`)).join(' ');
  const [last, level] = points.at(-1);
  return [
    { key: 'base', tag: 'path', class: 'walls', d: `M4 ${BASE} H${WIDTH - 4}` },
    { key: 'area', tag: 'path', class: 'area', d: `${line} V${BASE} H${x(0)} Z` },
    { key: 'line', tag: 'path', class: 'line', d: line },
    { key: 'high', tag: 'path', class: 'mark high', d: `M4 ${y(high)} H${WIDTH - 4}` },
    { key: 'dot', tag: 'circle', class: 'dot', cx: x(last), cy: y(level), r: 3 },
  ];
}
