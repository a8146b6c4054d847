// What happened, in a few words.

export function size(length, objects) {
  if (objects) return `${length} obj`;
  return length < 1024 ? `${length} B` : `${Number((length / 1024).toFixed(1))} KB`;
}

export const short = (code) => code.replace(/^ERR_(STREAM_)?/, '');

function numbers(chunks) {
  const list = chunks.map(([number]) => number);
  const dense = list.length > 2 && list.every((number, n) => number === list[0] + n);
  return dense ? `${list[0]} to ${list.at(-1)}` : list.join(', ');
}

const ends = (name, { ok, code }) => (ok ? `${name} is done` : `${name} fails${code ? `: ${short(code)}` : ''}`);
const callee = (name) => (name[0] === 's' ? `callback ${name[1]}` : name[0] === 'e' ? `callback of end` : `callback ${name.slice(1)}`);

const SAY = {
  write: ({ number, room }) => (room === undefined ? `write ${number}` : `write ${number} → ${room}`),
  wrote: ({ number, room }) => `write ${number} → ${room}`,
  end: ({ number, len }) => (len === null ? 'end()' : `end(chunk ${number})`),
  cork: () => 'cork()',
  uncork: () => 'uncork()',
  destroy: ({ error }) => (error ? 'destroy(error)' : 'destroy()'),
  sink: ({ chunks }) => `sink gets ${numbers(chunks)}`,
  sinkAnswers: (record) => (record.again ? 'sink answers again' : ends('sink', record)),
  final: () => '_final is called',
  finalAnswers: (record) => ends('_final', record),
  construct: () => '_construct is called',
  constructAnswers: (record) => ends('_construct', record),
  destroyHook: () => '_destroy is called',
  destroyAnswers: (record) => ends('_destroy', record),
  event: ({ name }) => `'${name}'`,
  error: ({ code }) => `'error' ${short(code)}`,
  callback: ({ callee: name, told }) => `${callee(name)}: ${short(told)}`,
  over: () => 'nothing is left to do',
};

export const say = ({ record }) => SAY[record.is](record);

// How it looks in the list: an event, a bad turn, the sink, or a call.
export function kind({ record }) {
  if (record.is === 'error' || record.ok === false || (record.is === 'callback' && record.told !== 'ok')) return 'bad';
  if (record.is === 'event') return record.name === 'drain' ? 'drain' : 'event';
  if (record.room === false) return 'full';
  if (['sink', 'sinkAnswers'].includes(record.is)) return 'sink';
  return record.is === 'callback' ? 'told' : 'call';
}

// The marks of the lines of a program at which this happens.
export function marks({ record }) {
  switch (record.is) {
    case 'write': return record.room === false ? ['write', 'full'] : ['write'];
    case 'wrote': return record.room ? ['write'] : ['full'];
    case 'event': return [record.name];
    case 'sinkAnswers': return ['answer'];
    default: return [record.is];
  }
}

// The tank, for a reader who hears the page.
export function describe(now, high, objects) {
  const parts = [`${size(now.length, objects)} of ${size(high, objects)}`];
  parts.push(now.flight.length ? `the sink works on ${numbers(now.flight)}` : 'the sink is idle');
  if (now.corked) parts.push('corked');
  if (now.needsDrain) parts.push("the producer was asked to wait");
  parts.push(`the stream is ${now.phase}`);
  return parts.join(', ');
}

export const working = (now) => (now.flight.length ? numbers(now.flight) : '');
