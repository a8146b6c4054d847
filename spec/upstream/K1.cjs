const { Writable } = require('stream');
let answer;
const s = new Writable({
  autoDestroy: false,
  write(chunk, _, callback) {
    console.log('written', `${chunk}`);
    if (answer) callback(); else answer = callback;
  },
});
s.on('error', (error) => console.log('error', error.message));
s.write('a');
s.write('b', (error) => { console.log('b', error?.message ?? 'ok'); s.uncork(); });
s.write('c', (error) => console.log('c', error?.message ?? 'ok'));
s.cork();
answer(new Error('broken'));
setImmediate(() => console.log('length', s.writableLength));
