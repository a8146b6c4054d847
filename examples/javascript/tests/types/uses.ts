// What a TypeScript program may do with the two classes, and what the compiler refuses.
// `node tests/types.js` compiles it; nothing here runs.

import * as stream from 'node:stream';
import Writable = require('highwater');
import Strict = require('highwater/strict');

// The same options, methods, properties and events as Node's own.
class Lines extends Writable {
  lines: string[] = [];

  _write(chunk: Buffer, encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.lines.push(chunk.toString(encoding));
    callback();
  }

  _final(callback: (error?: Error | null) => void): void {
    callback(null);
  }
}

const lines = new Lines({ highWaterMark: 5, objectMode: false, signal: new AbortController().signal });
const goOn: boolean = lines.write('text', 'utf8', (error) => error?.message);
lines.on('error', (error) => error.message).once('drain', () => lines.uncork()).end('last');
const numbers: number[] = [lines.writableLength, lines.writableHighWaterMark, lines.writableCorked];
const failure: Error | null = lines.errored;
const closing: Promise<void> = stream.promises.finished(lines);
new Writable.Writable({ write(chunk, _encoding, callback) { callback(chunk ? null : new Error('empty')); } });

// It goes wherever Node's own goes.
const asNodes: stream.Writable = lines;
const asInterface: NodeJS.WritableStream = lines;
stream.pipeline(stream.Readable.from(['a']), lines, (error) => error?.code);
stream.Readable.from(['b']).pipe(lines).destroy(new Error('enough'));
const web: import('node:stream/web').WritableStream = Writable.toWeb(lines);
const back: Writable = Writable.fromWeb(web, { highWaterMark: 1 });
const options: Writable.WritableOptions = { autoDestroy: false };

// The strict one has two marks more.
const strict: stream.Writable = new Strict({ lowWaterMark: 1, limit: 100, ...options });
const strictOptions: Strict.StrictOptions = { limit: 5 };
const strictFromWeb: Strict = Strict.fromWeb(web);

// @ts-expect-error: a mark is a number
new Writable({ highWaterMark: '5' });
// @ts-expect-error: only the strict one has a limit
new Writable({ limit: 5 });
// @ts-expect-error: a limit is a number
new Strict({ limit: '5' });
// @ts-expect-error: there is no such option
new Strict({ highwaterMark: 5 });
// @ts-expect-error: there is no such encoding
lines.write('text', 'utf9');
// @ts-expect-error: the length is the stream's own
lines.writableLength = 0;
// @ts-expect-error: nothing can be read from it
lines.read();
// @ts-expect-error: the callback of a write gets an error
lines.write('text', (count: number) => count);

export { asInterface, asNodes, back, closing, failure, goOn, numbers, strict, strictFromWeb, strictOptions };
