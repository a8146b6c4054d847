const { Writable } = require('stream');
const s = new Writable({
  write(chunk, _, callback) {
    console.log('written', `${chunk}`, 'corked', s.writableCorked);
    s.cork();
    callback();
  },
});
s.cork(); s.write('a'); s.write('b'); s.uncork();
