const { Writable } = require('stream');
let first = true;
const s = new Writable({
  write(chunk, _, callback) {
    if (first) { first = false; s.write('b'); } else { s.destroy(); }
    callback();
  },
});
s.on('close', () => console.log('close'));
s.write('a', (error) => console.log('a', error ?? 'ok'));
