'use strict';
// Plants faults, one at a time, in a copy of the package, and checks that the comparison
// with Node notices each.
//
//     node tests/plants.js [COUNT]
//     node tests/plants.js --web | --wild
//
// Each fault is a line that is replaced: file, line, replacement. COUNT (20,000) is how many
// scenarios of one stream the comparison plays at most, with and then without looks, and of
// several streams without, and of streams with a `destroy` of their own. A module without one of
// Node's quirks is a fault as well. With --web the faults are in `fromWeb`, and Node is 24; with
// --wild in what programs do beyond the documented face.

const { execFileSync, spawnSync } = require('child_process');
const fs = require('fs');
const os = require('os');
const path = require('path');

const FAULTS = [
  ['leases.js', '  if (core.written !== 0 || core.called !== 0) settleCounts(core);\n  const', '  const',
    'an input does not settle what was written and called'],
  ['leases.js', '  core.lease = 0;\n  if (core.flush >= 0)', '  if (core.flush >= 0)', 'an input does not end the lease to write'],
  ['leases.js', '    core.credit = -1;\n', '', 'an input does not end the lease to queue'],
  ['leases.js', '  if (chunks !== 0) settleQueued(', '  if (chunks > 1) settleQueued(', 'a single queued chunk is not settled'],
  ['leases.js', 'core.settledCredit - core.credit, callback)', 'core.settledCredit - core.credit, 0)',
    'the callback of a queued chunk is not settled'],
  ['leases.js', '    core.flush = -1;\n', '', 'an input does not end the lease to flush'],
  ['leases.js', '  if (core.flushed !== 0) {', '  if (core.flushed > 1) {', 'a single answer is not settled'],
  ['leases.js', '(core.flight === null ? 0 : 1);\n    settleFlushed', '0;\n    settleFlushed',
    'the callback of the chunk that the sink has is not settled'],
  ['leases.js', 'if (doing === FLUSHING) settleAnswer(core);', 'if (doing === FLUSHING) core.lease = 0;',
    'an answer on the lease is lost when something happens within the next call'],
  ['driver.js', 'return core.flush >= core.given;', 'return core.flush >= 0;', 'answers go past the lease to flush'],
  ['driver.js', '  core.flushed += 1;\n', '', 'answers are not settled'],
  ['driver.js', 'machine.flushed(core.settled(), held === null ? 0 : 1, head(core))',
    'machine.flushed(core.settled(), 0, head(core))', 'a callback is lost when something happens within the next call'],
  ['driver.js', 'if (core.lease === CALLING) core.lease = 0;\n  else drive(', 'core.lease = 0;\n  if (false) drive(',
    'what follows a last callback is lost when that does something'],
  ['driver.js', '(report & REPORT.LAST) !== 0', '(report & REPORT.EFFECT) === EFFECT.CALLBACK', 'each callback is called as the last one'],
  ['leases.js', '  if (doing === GIVEN) return;\n', '  return;\n', 'an answer on the lease is lost when something follows it'],
  ['leases.js', 'doing === ANSWERED_JOINED && (report', 'false && (report', 'a joined after-write counts by itself'],
  ['write.js', '| (lease === ANSWERED_DEFERRED ? 1 : 0)', '', 'a deferred after-write of the lease is not counted'],
  ['write.js', '    if (core.called !== 0) settleCounts(core);\n', '', 'writes are settled before earlier callbacks'],
  ['write.js', 'if (core.credit >= length)', 'if (core.credit + 1 >= length)', 'a byte more than the lease to queue'],
  ['write.js', 'return (core.bits & BIT.ROOM) !== 0;', 'return true;', 'each write on the lease to queue is answered true'],
  ['driver.js', '>= count;', '>= 0;', 'callbacks are called without a lease'],
  ['driver.js', '    core.called += 1;\n', '', 'callbacks that were called are not settled'],
  ['driver.js', '(report & REPORT.SELF) !== 0 && core.stream.destroy', 'false && core.stream.destroy', 'a failure does not call an own destroy'],
  ['driver.js', 'core.error(machine.undo(core.slot))', 'core.error(machine.errored(core.slot))',
    'an own destroy finds the stream destroyed'],
  ['driver.js', '    core.tick.count += 1;\n    return ANSWERED_JOINED', '    return ANSWERED_JOINED', 'a joined callback is not called'],
];

const WEB_FAULTS = [
  ['web.js', '(writableStream instanceof WritableStream)', "(typeof writableStream?.getWriter === 'function')",
    'what only looks like a stream of the web is taken'],
  ['web.js', ' || Array.isArray(options)', '', 'a list is taken for options'],
  ['web.js', "value !== undefined && typeof value !== 'boolean'", 'false', 'a wrong option is taken'],
  ['web.js', '    highWaterMark,\n    decodeStrings,', '    decodeStrings,', 'the mark is lost'],
  ['web.js', '    decodeStrings,\n    objectMode,\n    signal', '    objectMode,\n    signal', 'strings do not stay strings'],
  ['web.js', '    objectMode,\n    signal', '    signal', 'objects are refused'],
  ['web.js', 'writer.write(chunk)), callback, fail)', 'writer.write(chunk)), callback, failNext)',
    'a callback that throws lets the next chunk go out'],
  ['web.js', 'writer.write(chunk)))), callback, failNext)', 'writer.write(chunk)))), callback, fail)',
    'a callback that throws after a batch destroys at once'],
  ['web.js', 'callback(error);\n    } catch', 'callback();\n    } catch', 'a failure of the web is lost'],
  ['web.js', 'error == null ? writer.close() : writer.abort(error)', 'writer.close()', 'an error does not abort'],
  ['web.js', '    writable.destroy(error);\n', '', 'the stream does not fail when that of the web does'],
];

const WILD_FAULTS = [
  ['properties.js', 'n > more; n -= 1', 'n > more; n -= 2', '`corked` that is set takes too few corks off'],
  ['driver.js', 'for (const one of lost) batch.chunks.push(one);', 'batch.chunks.push(...lost);', 'a long batch passes the stack'],
  ['state.js', '  if (!(core instanceof WritableState)) return null;\n', '', 'the state of a Duplex is taken for its own'],
  ['state.js', '  core.stream = writable;\n', '', 'hooks are always those of the first object'],
  ['properties.js', "  toJSON: { value: shown, writable: true, configurable: true },\n", '', 'a stream cannot be written to a log'],
  ['properties.js', "  [Symbol.for('nodejs.util.inspect.custom')]: { value: shown, writable: true, configurable: true },\n", '',
    'a printed stream shows the fields of the driver'],
  ['errors.js', '  void error.stack;\n', '', 'the stack of an error lacks its code'],
  ['driver.js', '    core.bits |= BIT.CONSTRUCTED;\n', '', '`constructed` stays false'],
  ['writable.js', '    if (this.uncork !== methods.uncork) uncorkByItsOwn(this, core);\n', '', 'an own `uncork` is not called'],
  ['properties.js', 'core.queue.length - core.at;', 'core.queue.length;', 'chunks that the sink has are counted'],
  ['driver.js', 'const host = process;', 'const host = { nextTick: process.nextTick };',
    'ticks are those of the time of loading'],
  ['driver.js', '  } finally {\n    errors.held -= 1;\n  }', '    errors.held -= 1;\n  } finally {}', 'errors pile up'],
  ['writable.js', 'if (answer === FAULT.TOO_LONG && held === null)', 'if (false)', 'a refused chunk is lost without a word'],
  ['writable.js', 'if (refused === FAULT.TOO_LONG && held === null)', 'if (false)', 'a last chunk is lost without a word'],
  ['state.js', "this.rare?.low ?? 0, this.rare?.limit ?? -1)", '0, -1)', 'a stream that is used anew forgets its limit'],
];

const QUIRKS = ['REORDERS', 'DEFERS_LATE'];

const root = path.join(__dirname, '..');
// Which faults, and what notices them.
const [faults, quirks, comparisons] = {
  '--web': [WEB_FAULTS, [], [['web.js']]],
  '--wild': [WILD_FAULTS, [], [['wild.test.js']]],
}[process.argv[2]] ?? [FAULTS, QUIRKS, compared(process.argv[2] ?? '20000')];

function compared(count) {
  return [['--no-looks'], [], ['--several', '--no-looks'], ['--own-destroy']]
    .map((options) => ['compare.js', ...options, '--first', count, '11']);
}

// A copy of the package, with `tests` left where they are.
function copy() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'highwater-plant-'));
  for (const name of ['node.js', 'strict.js', 'lib', 'highwater.wasm']) {
    fs.cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
  }
  return folder;
}

// By which comparison a fault is noticed, or null.
function noticed(folder) {
  for (const [script, ...inputs] of comparisons) {
    const run = spawnSync(process.execPath, [path.join(__dirname, script), ...inputs],
      { env: { ...process.env, HIGHWATER_PACKAGE: folder }, encoding: 'utf8', timeout: 300_000 });
    if (run.status !== 0) return [script, ...inputs.slice(0, -3)].join(' ');
  }
  return null;
}

function plant([name, place, instead], folder) {
  const file = path.join(folder, 'lib', name);
  const text = fs.readFileSync(file, 'utf8');
  if (text.split(place).length !== 2) throw new Error(`${name} does not have this once: ${place}`);
  fs.writeFileSync(file, text.replace(place, () => instead));
}

// Whether the kit notices it.
function noticedByKit(folder) {
  const run = spawnSync(process.execPath, [path.join(root, 'kit', 'play.js'), '--writable', path.join(folder, 'node.js')],
    { encoding: 'utf8', timeout: 300_000 });
  return run.status === 0 ? null : 'kit/play.js';
}

let missed = 0;
function trial(what, change, notices = noticed) {
  const folder = copy();
  change(folder);
  const by = notices(folder);
  fs.rmSync(folder, { recursive: true });
  if (by === null) missed += 1;
  console.log(`${by === null ? 'MISSED ' : 'noticed'} ${what}${by === null ? '' : ` (${by})`}`);
}

trial('nothing is planted: must be missed', () => {});
if (quirks.length > 0) trial('nothing is planted: the kit must miss it', () => {}, noticedByKit);
missed = missed === (quirks.length > 0 ? 2 : 1) ? 0 : 1;
for (const fault of faults) trial(fault[3], (folder) => plant(fault, folder));
for (const quirk of quirks) {
  const without = (folder) => {
    execFileSync(path.join(root, 'core', 'build.sh'), ['--without', quirk, path.join(folder, 'highwater.wasm')]);
  };
  trial(`the module has no ${quirk}`, without);
  trial(`the module has no ${quirk}`, without, noticedByKit);
}
process.exit(missed ? 1 : 0);
