const { Writable } = require('stream');
const s = new Writable({
  write(chunk, _, callback) { callback(); },
  final(callback) { callback(); },
});
for (const event of ['finish', 'close']) s.on(event, () => console.log(event, s.destroyed));
s.end();
s.destroy();
