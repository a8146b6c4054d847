'use strict';
// `fromWeb` beside Node's own: each case is played on both, and what the stream, its callbacks
// and the stream of the web did is compared, line by line. Exits 1 if a case differs.

const path = require('node:path');
const stream = require('node:stream');

const Ours = require(path.resolve(process.env.HIGHWATER_PACKAGE || path.join(__dirname, '..'), 'node.js'));

const CLASSES = [stream.Writable, Ours];

const OPTIONS = [undefined, {}, { decodeStrings: false }, { objectMode: true }, { highWaterMark: 2 }];

// What the stream of the web does. `turn` is a promise of some later turn.
const SINKS = {
  takes: () => ({}),
  'takes later': (turn) => ({ write: turn }),
  'fails a chunk': () => ({ write() { throw new Error('no room'); } }),
  'fails a chunk later': (turn) => ({ async write() { await turn(); throw new Error('no room'); } }),
  'fails to close': () => ({ close() { throw new Error('not closed'); } }),
  'fails to abort': () => ({ abort() { throw new Error('not aborted'); } }),
  'fails to start': () => ({ async start() { throw new Error('not started'); } }),
  'fails by itself': (turn) => ({
    start(controller) { turn().then(() => controller.error(new Error('gone'))); },
  }),
};

// What the program does with the stream.
const PROGRAMS = {
  'writes and ends': (writable, said) => {
    writable.write('a', said('a'));
    writable.write(Buffer.from('b'), said('b'));
    writable.end('c', said('end'));
  },
  'writes in a cork': (writable, said) => {
    writable.cork();
    for (const text of ['a', 'b', 'c']) writable.write(text, 'latin1', said(text));
    writable.uncork();
    writable.end(said('end'));
  },
  'is destroyed': (writable, said) => {
    writable.write('a', said('a'));
    writable.destroy();
  },
  'is destroyed with an error': (writable, said) => {
    writable.write('a', said('a'));
    writable.destroy(new Error('stop'));
  },
  'is destroyed after its end': (writable, said) => {
    writable.end(said('end'));
    setImmediate(() => writable.destroy(new Error('late')));
  },
  'throws from a callback': (writable) => {
    writable.write('a', () => { throw new Error('thrown'); });
    writable.write('b', () => { throw new Error('thrown as well'); });
  },
  'throws from a callback of a batch': (writable, said) => {
    writable.cork();
    writable.write('a', () => { throw new Error('thrown'); });
    writable.write('b', said('b'));
    writable.uncork();
    writable.write('c', said('c'));
  },
};

const text = (error) => (error == null ? 'ok' : `${error.code}: ${error.message}`);
const shown = (chunk) => `${chunk?.constructor.name} ${Buffer.from(chunk)}`;

// The lines of one case. It has ended after so many turns of the loop: each of them is a step of
// a promise or of a tick.
async function played(Writable, options, sink, program) {
  const lines = [];
  const turn = () => new Promise((resolve) => { setImmediate(resolve); });
  loose = (what, error) => lines.push(`${what} ${text(error)}`);
  const { start, write, close, abort } = SINKS[sink](turn);
  const web = new WritableStream({
    start,
    write(chunk) { lines.push(`write ${shown(chunk)}`); return write?.(); },
    close() { lines.push('web close'); return close?.(); },
    abort(reason) { lines.push(`abort ${text(reason)}`); return abort?.(); },
  });
  const writable = Writable.fromWeb(web, options);
  for (const event of ['drain', 'finish', 'error', 'close']) {
    writable.on(event, (error) => lines.push(`${event} ${text(error)}`));
  }
  PROGRAMS[program](writable, (name) => (error) => lines.push(`${name} ${text(error)}`));
  for (let turns = 0; turns < 20; turns += 1) await turn();
  lines.push(`${writable.writableLength} ${writable.destroyed} ${writable.closed} ${text(writable.errored)} ${web.locked}`);
  return lines;
}

// What reached no callback and no event. Node's adapter leaves some errors to the process.
let loose;
process.on('unhandledRejection', (error) => loose('unhandled', error));
process.on('uncaughtException', (error) => loose('uncaught', error));

// Inputs that Node refuses, made anew for each class: a stream that was taken is locked.
const WRONG = [() => [], () => [null], () => [{}], () => [{ getWriter() {} }], () => [new ReadableStream()],
  ...[null, 5, [], { objectMode: 1 }, { decodeStrings: 'no' }, { highWaterMark: -1 }, { signal: 5 }]
    .map((options) => () => [new WritableStream(), options])];

function refused(Writable, inputs) {
  try {
    Writable.fromWeb(...inputs());
    return 'taken';
  } catch (error) {
    return `${error.name} ${error.code}: ${error.message}`;
  }
}

async function main() {
  let [cases, differ] = [0, 0];
  const compare = (what, node, ours) => {
    cases += 1;
    if (JSON.stringify(node) === JSON.stringify(ours)) return;
    differ += 1;
    console.log(`${what}\n  Node: ${JSON.stringify(node)}\n  ours: ${JSON.stringify(ours)}`);
  };
  for (const inputs of WRONG) {
    compare(`fromWeb(${inputs})`, ...CLASSES.map((Writable) => refused(Writable, inputs)));
  }
  for (const sink of Object.keys(SINKS)) {
    for (const program of Object.keys(PROGRAMS)) {
      for (const options of OPTIONS) {
        const [node, ours] = [await played(stream.Writable, options, sink, program), await played(Ours, options, sink, program)];
        compare(`a stream of the web that ${sink}, a stream that ${program}, ${JSON.stringify(options)}`, node, ours);
      }
    }
  }
  console.log(`RESULT web node=${process.version} cases=${cases} differ=${differ}`);
  process.exitCode = differ === 0 ? 0 : 1;
}

main().catch((error) => {
  console.error(error);
  process.exit(2);
});
