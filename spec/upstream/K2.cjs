const { Writable } = require('stream');
let answer;
const s = new Writable({
  write(chunk, _, callback) { answer = callback; },
  writev(chunks, callback) {
    callback();
    s.write('x');
    if (answer) answer(new Error('broken'));
  },
});
s.on('error', (error) => console.log('error', error.message));
s.cork();
s.write('a', (error) => console.log('a', error?.message ?? 'ok'));
s.write('b', (error) => console.log('b', error?.message ?? 'ok'));
s.uncork();
setImmediate(() => console.log('length', s.writableLength));
