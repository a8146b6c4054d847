const { Writable } = require('stream');
for (const objectMode of [false, true]) {
  const s = new Writable({ objectMode, write(chunk, _, callback) { callback(); } });
  s.write('a');
  s.end();
  s.on('finish', () => console.log('finish', { objectMode }));
  process.nextTick(() => console.log('the next tick', { objectMode }));
}
