const { Writable } = require('stream');
let first = true;
const s = new Writable({
  write(chunk, _, callback) {
    console.log('written', `${chunk}`);
    callback();
    if (first) { first = false; s.write('x'); }
  },
});
s.cork(); s.write('a'); s.write('b'); s.uncork();
