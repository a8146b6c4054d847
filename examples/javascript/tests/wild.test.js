'use strict';
// What programs do with a Writable beyond its documented face: they set fields of its state, make
// objects from it, call its methods on others, print it. The same is played on Node's own.

const test = require('node:test');
const assert = require('node:assert');
const { execFileSync } = require('node:child_process');
const http = require('node:http');
const path = require('node:path');
const stream = require('node:stream');
const util = require('node:util');

const PACKAGE = path.resolve(process.env.HIGHWATER_PACKAGE || path.join(__dirname, '..'));
const Ours = require(path.join(PACKAGE, 'node.js'));
const Strict = require(path.join(PACKAGE, 'strict.js'));

const CLASSES = [stream.Writable, Ours];
const turn = () => new Promise((resolve) => { setImmediate(resolve); });

// Plays on both classes, and expects the same lines.
async function same(play) {
  const [node, ours] = [await play(stream.Writable), await play(Ours)];
  assert.deepStrictEqual(ours, node);
  return ours;
}

function collector(Writable, lines, options) {
  return new Writable({
    write(chunk, encoding, callback) {
      lines.push(String(chunk));
      callback();
    },
    ...options,
  });
}

test('a response of http ends on a socket that is corked twice', () => same(async (Writable) => {
  const lines = [];
  const socket = collector(Writable, lines);
  const response = new http.ServerResponse(new http.IncomingMessage(null));
  response.sendDate = false;
  response.assignSocket(socket);
  response.on('finish', () => lines.push('finish'));
  response.cork();
  response.cork();
  response.write('a');
  response.end('b');
  for (let turns = 0; turns < 5; turns += 1) await turn();
  lines.push(socket.writableLength, socket.writableCorked);
  assert.ok(lines.includes('finish'));
  return lines;
}));

test('`corked` that is set to 1 needs one more uncork', () => same(async (Writable) => {
  const lines = [];
  const writable = collector(Writable, lines);
  for (let corks = 0; corks < 3; corks += 1) writable.cork();
  writable.write('a');
  writable._writableState.corked = 1;
  lines.push(writable.writableCorked);
  writable.uncork();
  lines.push(writable.writableCorked, writable.writableLength);
  return lines;
}));

test('a batch whose sink writes a hundred thousand chunks calls each callback', () => same(async (Writable) => {
  let [first, called] = [true, 0];
  const count = () => { called += 1; };
  const writable = new Writable({
    writev(chunks, callback) {
      for (let n = 0; first && n < 130_000; n += 1) writable.write('q', count);
      first = false;
      setImmediate(callback);
    },
  });
  writable.cork();
  writable.write('a', count);
  writable.write('b');
  writable.uncork();
  for (let turns = 0; turns < 5; turns += 1) await turn();
  return called;
}));

test('methods and properties work on a Duplex of Node', () => same(async (Writable) => {
  const lines = [];
  const methods = Writable.prototype;
  class Mine extends stream.Transform {
    _transform(chunk, encoding, callback) { callback(null, chunk); }
    write(...inputs) { return methods.write.apply(this, inputs); }
  }
  const mine = new Mine();
  mine.on('data', (chunk) => lines.push(String(chunk)));
  methods.cork.call(mine);
  mine.write('a');
  lines.push(Reflect.get(methods, 'writableCorked', mine), Reflect.get(methods, 'writableLength', mine));
  methods.uncork.call(mine);
  methods.end.call(mine, 'b', () => lines.push('ended'));
  for (let turns = 0; turns < 5; turns += 1) await turn();
  methods.destroy.call(mine, null, () => lines.push('destroyed'));
  lines.push(mine.destroyed);
  await turn();
  return lines;
}));

test('hooks are those of the object that is written to', () => same(async (Writable) => {
  const lines = [];
  const first = collector(Writable, lines);
  const made = Object.create(first);
  made._write = (chunk, encoding, callback) => { lines.push(`made ${chunk}`); callback(); };
  made.write('a');
  first.write('b');
  class Watched extends Writable {
    constructor(options) {
      super(options);
      return new Proxy(this, { get: (target, name, self) => (name === 'secret' ? 7 : Reflect.get(target, name, self)) });
    }
    _write(chunk, encoding, callback) { lines.push(`${chunk} ${this.secret}`); callback(); }
  }
  const watched = new Watched();
  watched.write('c');
  watched.end('d');
  await turn();
  return lines;
}));

test('a stream can be printed and written to a log', () => {
  for (const Writable of CLASSES) {
    const shown = JSON.parse(JSON.stringify(new Writable({ highWaterMark: 5 })));
    assert.strictEqual(shown._writableState.highWaterMark, 5);
    assert.strictEqual(shown._writableState.length, 0);
    assert.match(util.inspect(new Writable({ highWaterMark: 5 })), /highWaterMark: 5/);
  }
});

test('errors show their code in the stack, as those of Node', () => same(async (Writable) => {
  const lines = [];
  const show = (error) => lines.push(error.stack.split('\n')[0], util.inspect(error).split('\n')[0], Object.keys(error), error.name);
  for (const run of [() => new Writable().write(null), () => new Writable({ highWaterMark: -1 }),
    () => new Writable().write('a', 'bogus'), () => new Writable().write(5)]) {
    try {
      run();
    } catch (error) {
      show(error);
    }
  }
  const writable = collector(Writable, []);
  writable.on('error', show);
  writable.end();
  writable.write('late');
  await turn();
  return lines;
}));

test('`constructed` says that construction is over', () => same(async (Writable) => {
  const seen = [];
  for (const construct of [undefined, (callback) => setImmediate(callback), (callback) => setImmediate(callback, new Error('no'))]) {
    const writable = new Writable({ construct, write() {} });
    writable.on('error', () => {});
    seen.push(writable._writableState.constructed);
    for (let turns = 0; turns < 3; turns += 1) await turn();
    seen.push(writable._writableState.constructed);
  }
  return seen;
}));

test('`end` calls an `uncork` of a subclass, if the stream is corked', () => same(async (Writable) => {
  const lines = [];
  class Mine extends Writable {
    uncork() {
      lines.push(`uncork ${this.writableCorked}`);
      super.uncork();
    }
    _write(chunk, encoding, callback) { lines.push(String(chunk)); callback(); }
  }
  for (const corks of [0, 1, 3]) {
    const mine = new Mine();
    for (let n = 0; n < corks; n += 1) mine.cork();
    mine.end('a');
    await turn();
    lines.push(mine.writableCorked);
  }
  return lines;
}));

test('how many chunks wait, and the ticks of a program that has its own', () => same(async (Writable) => {
  const writable = new Writable({ write(chunk, encoding, callback) { setImmediate(callback); } });
  const seen = [];
  for (let n = 0; n < 5; n += 1) {
    writable.write('a');
    seen.push(writable._writableState.bufferedRequestCount);
  }
  await turn();
  seen.push(writable._writableState.bufferedRequestCount);
  const { nextTick } = process;
  let ticks = 0;
  process.nextTick = (...inputs) => {
    ticks += 1;
    nextTick(...inputs);
  };
  new Writable({ write(chunk, encoding, callback) { callback(); } }).write('a', () => {});
  process.nextTick = nextTick;
  return [seen, ticks];
}));

test('the errors of a stream do not pile up when a callback throws', () => {
  const printed = execFileSync(process.execPath, ['-e', `
    const { Writable } = require(${JSON.stringify(path.join(PACKAGE, 'node.js'))});
    let thrown = 0;
    process.on('uncaughtException', () => { thrown += 1; });
    const writable = new Writable({
      autoDestroy: false,
      write(chunk, encoding, callback) { setImmediate(callback, new Error('full')); },
    });
    writable.on('error', () => {});
    let rounds = 0;
    const next = () => {
      rounds += 1;
      if (rounds > 300) {
        console.log(thrown > 100, writable._writableState.rare.errors.given.length <= 64);
        return;
      }
      setImmediate(() => setImmediate(next));
      writable.write('a', () => { throw new Error('thrown'); });
      writable.cork();
      writable.uncork();
    };
    next();`], { encoding: 'utf8' });
  assert.strictEqual(printed.trim(), 'true true');
});

test('strict: a chunk past the limit is not lost without a word', async () => {
  const chunks = () => stream.Readable.from([Buffer.alloc(3), Buffer.alloc(9), Buffer.alloc(3)]);
  const sink = () => new Strict({ limit: 4, highWaterMark: 2, write(chunk, encoding, callback) { setImmediate(callback); } });
  const failed = new Promise((resolve) => { chunks().pipe(sink()).on('error', resolve); });
  assert.strictEqual((await failed).code, 'TOO_LONG');
  await assert.rejects(stream.promises.pipeline(chunks(), sink()), { code: 'TOO_LONG' });

  const ended = sink();
  const last = new Promise((resolve) => { ended.on('error', resolve); });
  ended.end('too long');
  assert.strictEqual((await last).code, 'TOO_LONG');

  const writable = sink();
  const refused = new Promise((resolve) => { writable.write('too long', resolve); });
  assert.strictEqual((await refused).code, 'TOO_LONG');
  assert.strictEqual(writable.destroyed, false);
  assert.strictEqual(writable.write('abc'), false);
  writable.end();
  await stream.promises.finished(writable);
});

test('strict: a stream that is used anew keeps its marks', () => {
  const writable = new Strict({ limit: 6, lowWaterMark: 2, highWaterMark: 4, write() {} });
  writable.destroy();
  writable._undestroy();
  let refused = false;
  writable.on('error', () => { refused = true; });
  writable.write('1234567', () => { refused = true; });
  assert.strictEqual(writable.writableLength, 0);
});
