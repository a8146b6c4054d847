const { Writable } = require('stream');
const s = new Writable({
  write(chunk, _, callback) {
    console.log('written', `${chunk}`);
    callback(new Error('broken'));
  },
});
s.on('error', (error) => console.log(error.message));
s.cork(); s.write('a'); s.write('b'); s.uncork();
