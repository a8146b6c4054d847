'use strict';
// Sends a head and a body of a response in one call of the sink.
const { Writable } = require('stream');

const out = new Writable({
  writev(chunks, done) { // [sink]
    console.log(chunks.length, 'chunks in one call');
    process.nextTick(done);
  },
});

out.cork(); // [cork]
out.write('HTTP/1.1 200 OK\r\n'); // [write]
out.write('Content-Length: 2\r\n');
out.write('\r\n');
out.write('ok');
process.nextTick(() => out.uncork()); // [uncork]
