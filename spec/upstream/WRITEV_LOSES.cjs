const { Writable } = require('stream');
let first = true;
const s = new Writable({
  writev(chunks, callback) {
    console.log('written', chunks.map(({ chunk }) => `${chunk}`).join(' '));
    if (first) { first = false; s.write('c'); }
    callback();
  },
});
s.cork(); s.write('a'); s.write('b'); s.uncork();
setImmediate(() => console.log('length', s.writableLength));
