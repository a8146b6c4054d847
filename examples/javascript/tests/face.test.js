'use strict';
// The face beside Node's own: errors, properties, and Node's modules that use a Writable.
// Each test plays the same on both: `node --test tests/`.

const test = require('node:test');
const assert = require('node:assert');
const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');
const stream = require('node:stream');
const zlib = require('node:zlib');
const { execFileSync, spawnSync } = require('node:child_process');
const { once } = require('node:events');
const Ours = require('../node.js');
const Strict = require('../strict.js');

const CLASSES = [stream.Writable, Ours];
const sink = () => ({ write(chunk, encoding, callback) { callback(); } });

// What a function throws, or what it returns.
function outcome(run) {
  try {
    return { value: run() };
  } catch (error) {
    const { name, code, message } = error;
    return { name, code, message, text: String(error) };
  }
}

function same(what, run) {
  const [node, ours] = CLASSES.map((Writable) => outcome(() => run(Writable)));
  assert.deepStrictEqual(ours, node, what);
}

test('wrong options, chunks and encodings bring the errors of Node', () => {
  const marks = [-1, 1.5, NaN, '5', {}, Infinity, true, 10n, 'x'.repeat(200)];
  for (const mark of marks) same(`mark ${String(mark)}`, (Writable) => new Writable({ highWaterMark: mark }).writableHighWaterMark);
  const chunks = [null, undefined, 5, -0, NaN, 5n, true, Symbol('s'), {}, [], () => {}, Object.create(null),
    new Date(0), new Uint16Array(2), new DataView(new ArrayBuffer(3)), new ArrayBuffer(1)];
  for (const chunk of chunks) same(`chunk ${typeof chunk}`, (Writable) => new Writable(sink()).write(chunk));
  for (const encoding of ['bogus', 'latin1', 'UTF-8', 'buffer', 5, {}, null, Symbol.iterator]) {
    same('encoding of a write', (Writable) => new Writable(sink()).write('text', encoding));
    same('encoding of a string that stays one', (Writable) => new Writable({ ...sink(), decodeStrings: false }).write('text', encoding));
    same('default encoding', (Writable) => new Writable({ ...sink(), defaultEncoding: encoding }).write('text'));
    same('set default encoding', (Writable) => new Writable(sink()).setDefaultEncoding(encoding)._writableState.defaultEncoding);
  }
  same('no write', (Writable) => new Writable().write('text'));
  same('signal', (Writable) => new Writable({ signal: 'none' }));
  same('fromWeb', (Writable) => Writable.fromWeb({}));
});

test('the face has what Node has', () => {
  const [node, ours] = CLASSES.map((Writable) => Object.getOwnPropertyNames(Writable.prototype).sort());
  assert.deepStrictEqual(ours, node);
  for (const name of node) {
    if (['constructor', 'writableAborted'].includes(name)) continue;
    same(name, (Writable) => typeof Writable.prototype[name]);
  }
  same('without new', (Writable) => Writable(sink()) instanceof Writable);
  same('a Duplex', (Writable) => new stream.Duplex() instanceof Writable);
  same('a Readable', (Writable) => new stream.Readable() instanceof Writable);
  same('call on a prototype', (Writable) => {
    function Mine() { Writable.call(this, sink()); }
    Object.setPrototypeOf(Mine.prototype, Writable.prototype);
    return new Mine().write('x');
  });
});

test('the drain that a stream owes is read as in Node, also once none will come', () => {
  const after = [() => {}, (one) => one.write('text'), (one) => one.end(), (one) => one.destroy()];
  for (const first of after) {
    for (const then of after) {
      same('needDrain', (Writable) => {
        const one = new Writable({ write() {}, highWaterMark: 4 });
        one.on('error', () => {});
        first(one);
        then(one);
        return [one._writableState.needDrain, one.writableNeedDrain];
      });
    }
  }
});

test('a subclass may write and end in its constructor, and has its own destroy called', async () => {
  for (const Writable of CLASSES) {
    const seen = [];
    class Mine extends Writable {
      constructor() {
        super();
        this.write('a');
        this.end('b');
      }
      _write(chunk, encoding, callback) {
        seen.push(String(chunk));
        callback();
      }
      destroy(error) {
        seen.push(['destroy', this.destroyed]);
        return super.destroy(error);
      }
    }
    await once(new Mine(), 'close');
    assert.deepStrictEqual(seen, ['a', 'b', ['destroy', false]]);
  }
});

// What a stream with a `destroy` of its own does, at the end of a pipeline or by itself.
async function ownDestroy(Writable, how, options, use) {
  const seen = [];
  class Mine extends Writable {
    destroy(error, callback) {
      seen.push(`destroy ${error?.message} ${this.destroyed} ${this.errored?.message} ${this.writable} ${this.closed}`);
      if (how === 'later') process.nextTick(() => super.destroy(error, callback));
      else if (how !== 'never') super.destroy(how === 'other' ? new Error('other') : error, callback);
      return this;
    }
  }
  const mine = new Mine(options(seen));
  for (const event of ['finish', 'error', 'close']) mine.on(event, (error) => seen.push(`${event} ${error?.message}`));
  await use(mine, (name) => (error) => seen.push(`${name} ${error?.message}`));
  for (let turn = 0; turn < 4; turn++) await new Promise(setImmediate);
  seen.push(`${mine.destroyed} ${mine.closed} ${mine.errored?.message} ${mine.writableFinished} ${mine._writableState.errorEmitted}`);
  return seen;
}

test('a destroy of its own is called as in Node', async () => {
  const sinks = {
    works: () => ({ write(chunk, encoding, callback) { setImmediate(callback); } }),
    fails: () => ({ write(chunk, encoding, callback) { setImmediate(callback, new Error('sink')); } }),
    ends: () => ({ ...sink(), final(callback) { callback(new Error('final')); } }),
    cleans: (seen) => ({ ...sink(), destroy(error, callback) { seen.push(`_destroy ${error?.message}`); callback(error); } }),
  };
  const uses = {
    end: (mine, log) => { mine.write('a', log('write')); mine.end(log('end')); },
    'write after end': (mine, log) => { mine.end(log('end')); mine.write('a', log('write')); },
    destroy: (mine, log) => { mine.write('a', log('write')); mine.end(log('end')); mine.destroy(new Error('asked'), log('destroyed')); },
    pipeline: (mine, log) => { stream.pipeline(stream.Readable.from(['a', 'b']), mine, log('pipeline')); },
    'failing source': (mine, log) => {
      stream.pipeline(new stream.Readable({ read() { this.destroy(new Error('source')); } }), mine, log('pipeline'));
    },
    finished: (mine, log) => { stream.finished(mine, log('finished')); mine.end('a'); },
    pipe: (mine) => { stream.Readable.from(['a', 'b']).pipe(mine); },
  };
  for (const [sinkName, options] of Object.entries(sinks)) {
    for (const [useName, use] of Object.entries(uses)) {
      for (const how of ['now', 'other', 'later', 'never']) {
        if (sinkName === 'ends' && ['later', 'never'].includes(how)) continue; // README.md: what differs
        const [node, ours] = [await ownDestroy(stream.Writable, how, options, use), await ownDestroy(Ours, how, options, use)];
        assert.deepStrictEqual(ours, node, `${sinkName}, ${useName}, ${how}`);
      }
    }
  }
});

test('hooks may be assigned later', async () => {
  for (const Writable of CLASSES) {
    const seen = [];
    const writable = new Writable(sink());
    writable._final = (callback) => { seen.push('final'); callback(); };
    writable.cork();
    writable.write('a');
    writable.write('b');
    writable._writev = (chunks, callback) => { seen.push(chunks.length, chunks.allBuffers); callback(); };
    writable.end();
    await once(writable, 'close');
    assert.deepStrictEqual(seen, [2, true, 'final']);
  }
});

test('files, gzip, http, pipe, pipeline and finished end in it', async () => {
  const text = 'highwater\n'.repeat(50_000);
  for (const Writable of CLASSES) {
    const name = path.join(os.tmpdir(), `highwater-face-${process.pid}`);
    fs.writeFileSync(name, text);
    const server = http.createServer((request, response) => request.pipe(response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const chunks = [];
    const collect = () => new Writable({
      highWaterMark: 1000,
      write(chunk, encoding, callback) { chunks.push(chunk); setImmediate(callback); },
    });
    await stream.promises.pipeline(fs.createReadStream(name), zlib.createGzip(), zlib.createGunzip(), collect());
    assert.strictEqual(Buffer.concat(chunks.splice(0)).toString(), text);

    const request = http.request({ port: server.address().port, host: '127.0.0.1', method: 'POST', agent: false });
    fs.createReadStream(name).pipe(request);
    const [response] = await once(request, 'response');
    const body = response.pipe(collect());
    await stream.promises.finished(body);
    assert.strictEqual(Buffer.concat(chunks).toString(), text);
    server.close();
    fs.rmSync(name);
  }
});

test('a failure of the source, or an abort, reaches it', async () => {
  for (const Writable of CLASSES) {
    const writable = new Writable(sink());
    const source = new stream.Readable({ read() { this.destroy(new Error('source')); } });
    await assert.rejects(stream.promises.pipeline(source, writable), /source/);
    assert.strictEqual(writable.destroyed, true);

    const controller = new AbortController();
    const aborted = new Writable({ ...sink(), signal: controller.signal });
    controller.abort();
    const [error] = await once(aborted, 'error');
    assert.strictEqual(error.name, 'AbortError');
  }
});

test("an 'error' without a listener on a piped-to stream is thrown once", () => {
  for (const autoDestroy of [true, false]) {
    const [node, ours] = ['node:stream', path.join(__dirname, '../node.js')].map((file) => execFileSync(process.execPath, ['-e', `
      const { Writable } = require(${JSON.stringify(file)});
      process.on('uncaughtException', (error) => console.log('thrown', error.message));
      const to = new Writable({ autoDestroy: ${autoDestroy}, write(c, e, callback) { callback(new Error('broken')); } });
      require('stream').Readable.from(['a', 'b']).pipe(to);
      to.on('close', () => console.log('close'));
      process.on('exit', () => console.log(to.destroyed, to._writableState.errorEmitted, to.errored.message));`],
    { encoding: 'utf8' }));
    assert.strictEqual(ours, node);
    assert.match(node, /thrown broken/);
  }
});

test('streams of the web', async () => {
  for (const Writable of CLASSES) {
    const seen = [];
    const web = new WritableStream({ write(chunk) { seen.push(Buffer.from(chunk).toString()); }, close() { seen.push('closed'); } });
    const writable = Writable.fromWeb(web);
    writable.write('a');
    writable.end('b');
    await stream.promises.finished(writable);
    assert.deepStrictEqual(seen, ['a', 'b', 'closed']);

    const chunks = [];
    const back = Writable.toWeb(new Writable({ write(chunk, encoding, callback) { chunks.push(String(chunk)); callback(); } }));
    const writer = back.getWriter();
    await writer.write(Buffer.from('c'));
    await writer.close();
    assert.deepStrictEqual(chunks, ['c']);
  }
});

test('import and require give the same class', async () => {
  const { Writable, default: byDefault } = await import('../node.mjs');
  assert.strictEqual(Writable, Ours);
  assert.strictEqual(byDefault, Ours.Writable);
  assert.strictEqual((await import('../strict.mjs')).Writable, Strict);
});

test('a _writev that comes between two answers takes the rest in one call', () => {
  for (const Writable of [...CLASSES, Strict]) {
    const calls = [];
    let answer;
    const writable = new Writable({ write(chunk, encoding, callback) { calls.push(String(chunk)); answer = callback; } });
    for (const text of ['a', 'b', 'c', 'd', 'e']) writable.write(text);
    answer();
    writable._writev = (chunks, callback) => { calls.push(chunks.map(({ chunk }) => String(chunk)).join('')); callback(); };
    answer();
    assert.deepStrictEqual(calls, ['a', 'b', 'cde']);
  }
});

test('nothing follows from an error that a caller sets on a stream that destroys itself', async () => {
  for (const Writable of [...CLASSES, Strict]) {
    const seen = [];
    const writable = new Writable(sink());
    for (const event of ['error', 'close', 'finish']) writable.on(event, () => seen.push(event));
    writable._writableState.errored = new Error('set');
    await new Promise(setImmediate);
    assert.deepStrictEqual([writable.destroyed, ...seen], [false]);
  }
});

test('the queue has no chunk that the sink has', () => {
  for (const Writable of [Ours, Strict]) {
    const seen = [];
    const answers = [];
    const writable = new Writable({
      write(chunk, encoding, callback) {
        seen.push(writable._writableState.getBuffer().length, writable._writableState.bufferedRequestCount);
        answers.push(callback);
      },
    });
    for (const text of ['a', 'b', 'c']) writable.write(text);
    while (answers.length) answers.shift()();
    assert.deepStrictEqual(seen, [0, 0, 1, 1, 0, 0]);
  }
});

test('the strict Writable has two marks more', async () => {
  for (const options of [{ lowWaterMark: -1 }, { limit: 0.5 }]) {
    assert.throws(() => new Strict(options), { code: 'ERR_INVALID_ARG_VALUE' });
  }
  const answers = [];
  const strict = new Strict({ highWaterMark: 4, lowWaterMark: 2, limit: 6, write(chunk, encoding, callback) { answers.push(callback); } });
  const drains = [];
  strict.on('drain', () => drains.push(strict.writableLength));
  assert.deepStrictEqual(['ab', 'cd', 'ef'].map((text) => strict.write(text)), [true, false, false]);
  const refused = new Promise((resolve) => { strict.write('g', resolve); });
  assert.strictEqual((await refused).code, 'TOO_LONG');
  assert.strictEqual(strict.writable, true);
  while (answers.length) answers.shift()();
  assert.deepStrictEqual(drains, [2]);
  const twice = new Strict({ write(chunk, encoding, callback) { callback(); callback(); } });
  twice.write('x');
  const [error] = await once(twice, 'error');
  assert.strictEqual(error.code, 'ERR_MULTIPLE_CALLBACK');
});

test('errors of a stream that is not destroyed are not kept for ever', async () => {
  let calls = 0;
  const writable = new Ours({ autoDestroy: false, write(chunk, encoding, callback) { setImmediate(callback, new Error(`again ${calls++}`)); } });
  writable.on('error', () => {});
  for (let n = 0; n < 500; n++) {
    await new Promise((resolve) => {
      writable.write('x', resolve);
      writable.cork();
      writable.uncork(); // as in Node, this hands it to the sink that has failed
    });
  }
  assert.ok(writable._writableState.rare.errors.given.length <= 65);
  assert.strictEqual(writable.errored.message, 'again 0');
});

test('a million dropped streams keep the memory of the module flat', () => {
  const program = `const Writable = require(${JSON.stringify(path.join(__dirname, '../node.js'))});
    const { memory } = require(${JSON.stringify(path.join(__dirname, '../lib/machine.js'))});
    const options = { write(chunk, encoding, callback) { callback(); } };
    (async () => {
      for (let round = 0; round < 1000; round++) {
        for (let n = 0; n < 1000; n++) new Writable(options).write('x');
        await new Promise(setImmediate);
        if (round % 50 === 0) { global.gc(); await new Promise(setImmediate); }
      }
      console.log(memory.words.buffer.byteLength);
    })();`;
  const bytes = Number(execFileSync(process.execPath, ['--expose-gc', '-e', program], { encoding: 'utf8' }));
  assert.ok(bytes > 0 && bytes <= 32 * 1024 * 1024, `${bytes} bytes`);
});

test('a runtime without WebAssembly, and a module that is not there, bring one clear error', () => {
  const run = (before, env) => spawnSync(process.execPath, ['-e', `${before};
    try { require(${JSON.stringify(path.join(__dirname, '../node.js'))}) } catch (error) { console.log(error.message) }`],
  { encoding: 'utf8', env: { ...process.env, ...env } }).stdout;
  assert.match(run('delete globalThis.WebAssembly'), /^highwater needs WebAssembly, which this runtime does not have\n$/);
  assert.match(run('', { HIGHWATER_WASM: '/nowhere.wasm' }), /^highwater cannot read \/nowhere.wasm: build it with core\/build.sh\n$/);
});
