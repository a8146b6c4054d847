// Plants faults, one at a time, in a copy of the page's sources, and checks that the test
// notices each: `node playground/faults.mjs [WORD]`, with WORD those whose name has it.
//
// Each fault is what is wrong, a file, a place in it, what stands there instead, and the test
// that must fail. A module without one of Node's quirks is a fault as well.

import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const javascript = join(here, '..');
const root = join(javascript, '..', '..');

const FAULTS = [
  ['a scene never drains', 'scenes.mjs', 'if (drained) resumes =', 'if (false) resumes =', 'scene_of_drain_shows_what_waiting_is_for'],
  ['the producer of a scene ignores false', 'scenes.mjs', 'if (heeds && !answered', 'if (false && !answered', 'scene_of_drain_shows_what_waiting_is_for'],
  ['the low-water mark is not passed on', 'scenes.mjs', 'lw: mark * KB', 'lw: 0', 'scene_of_marks_counts_idle_rounds'],
  ['the cork is forgotten', 'scenes.mjs', "if (corked) next('c');", "if (corked) next('u');", 'scene_of_cork_counts_calls_of_the_sink'],
  ['the table takes an error for ok', 'view/scene.mjs', 'told.set(record.callee, record.told)', "told.set(record.callee, 'ok')", 'scenes_of_end_and_error_say_who_is_told_what'],
  ['a step back shows the step', 'view/lane.mjs', 'this.frames[at]?.now ?? this.start', 'this.frames[Math.max(at, this.was = Math.max(at, this.was ?? 0))]?.now ?? this.start', 'each_step_of_a_scene_can_be_taken_back'],
  ['no line of the program is lit', 'view/program.mjs', "classList.toggle('lit', ", "classList.toggle('lit', false && ", 'line_of_the_program_is_lit_while_it_happens'],
  ['a link names no section', 'view/versus.mjs', "h('a', { href: `#node/${name}`", "h('a', { href: `#nodes/${name}`", 'each_section_of_node_is_what_node_does_and_strict_is_not'],
  ['a link loses what its case does on events', 'engine/scenario.mjs', 'on: Object.fromEntries(points)', 'on: {}', 'recorded_cases_give_their_traces'],
  ['a lamp never goes red', 'engine/judge.mjs', "this.breakIf(this.corked > 0, 'CorkHolds'", "this.breakIf(false, 'CorkHolds'", 'each_section_of_node_is_what_node_does_and_strict_is_not'],
  ['another lamp never goes red', 'engine/judge.mjs', "this.breakIf(late, 'NoWriteAfterEnd'", "this.breakIf(false, 'NoWriteAfterEnd'", 'each_counterexample_of_the_specification_turns_its_lamp_red'],
  ['a lamp stays red', 'view/lamps.mjs', 'frames.slice(0, at + 1)', 'frames', 'each_section_of_node_is_what_node_does_and_strict_is_not'],
  ['a lamp is red for nothing', 'engine/judge.mjs', 'now.length >= this.terms.high && now.length > 0', 'now.length >= this.terms.high', 'random_cases_turn_no_lamp_of_strict_red'],
  ['chance has no seed', 'engine/live.mjs', 'this.chance = random(knobs.seed)', 'this.chance = Math.random', 'playground_keeps_its_run_in_the_address'],
  ['the phase is not lit', 'view/diagram.mjs', "classList.add('lit')", "classList.add('unlit')", 'playground_lights_the_phase_and_stops_when_full'],
  ['a run has no end', 'engine/live.mjs', 'MOST_TURNS = 1500', 'MOST_TURNS = 1e9', 'playground_lights_the_phase_and_stops_when_full'],
  ['a bad address stops the page', 'main.mjs', 'if (!(error instanceof NoCase)) throw error;', 'throw error;', 'address_that_is_no_case_gets_a_message_and_the_page_works'],
  ['a case may write any number of bytes', 'engine/scenario.mjs', 'must(size.bytes <= MOST.bytes', 'must(true', 'address_that_is_no_case_gets_a_message_and_the_page_works'],
  ['Play is no button', 'view/bar.mjs', "this.play = button('go'", "this.play = ((...all) => { const one = button(...all); one.tabIndex = -1; return one; })('go'", 'keyboard_alone_is_enough'],
  ['a reader who wants no motion gets it', 'style.css', '@media (prefers-reduced-motion: no-preference)', '@media all', 'reduced_motion_moves_nothing'],
  ['a lane is too wide for a phone', 'style.css', '.lane { background', '.lane { min-width: 26rem !important; background', 'nothing_sticks_out_and_the_bar_stays'],
  ['Play leaves the tank where it is', 'view/bar.mjs', 'if (!hidden) return;', 'return;', 'play_brings_the_tank_into_view_on_a_phone'],
  ['a slider has no name', 'view/knobs.mjs', "return h('label', { class: 'knob' }, h('span', {}, shown", "return h('div', { class: 'knob' }, h('span', {}, shown", 'each_control_has_a_name'],
  ['the page asks the network', 'main.mjs', 'open(true);', "open(true); fetch('https://example.invalid/').catch(() => {});", 'console_and_network_stay_silent'],
  ['the page is large', 'build.mjs', "replace('/* style */', () => style)", "replace('/* style */', () => style + ' '.repeat(99_999))", 'page_is_one_small_file'],
];

const QUIRKS = ['REORDERS', 'FORGETS_FINISH'];
const SECTIONS = 'each_section_of_node_is_what_node_does_and_strict_is_not';

// The sources of the page in a tree of their own. All else is where it is.
function copy() {
  const tree = mkdtempSync(join(tmpdir(), 'highwater-fault-'));
  const folder = join(tree, 'examples', 'javascript');
  mkdirSync(folder, { recursive: true });
  for (const name of ['spec', 'src']) symlinkSync(join(root, name), join(tree, name));
  for (const name of ['kit', 'lib', 'node.js', 'strict.js', 'highwater.wasm']) symlinkSync(join(javascript, name), join(folder, name));
  cpSync(here, join(folder, 'playground'), { recursive: true, filter: (path) => !path.endsWith('dist') });
  return { tree, page: join(folder, 'playground') };
}

function plant({ page }, file, place, instead) {
  const path = join(page, file);
  const source = readFileSync(path, 'utf8');
  if (source.split(place).length !== 2) throw new Error(`${file} does not have this once: ${place}`);
  writeFileSync(path, source.replace(place, () => instead));
}

// Builds the copy, and lets the one test play with it. Returns whether that test failed.
function fails({ tree, page }, by, module = []) {
  const html = join(tree, 'index.html');
  const target = resolve(process.env.CARGO_TARGET_DIR || join(root, 'target'));
  const env = { ...process.env, CARGO_TARGET_DIR: target };
  execFileSync(process.execPath, [join(page, 'build.mjs'), ...module, html], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  delete env.NODE_TEST_CONTEXT;
  const run = spawnSync(process.execPath, ['--test', '--test-reporter', 'tap', '--test-name-pattern', `^${by}$`, join(here, 'test.mjs')],
    { env: { ...env, HIGHWATER_PAGE: html }, encoding: 'utf8', timeout: 240_000 });
  if (!run.stdout.includes(by)) throw new Error(`there is no test ${by}: ${run.stdout}${run.stderr}`);
  return run.status !== 0;
}

let missed = 0;
let trials = 0;
function trial(what, by, change, expected = true) {
  if (!what.includes(process.argv[2] ?? '')) return;
  const made = copy();
  try {
    const noticed = fails(made, by, change(made));
    trials += 1;
    if (noticed !== expected) missed += 1;
    console.log(`${noticed ? 'noticed' : 'missed '} ${what} (${by})${noticed === expected ? '' : ': WRONG'}`);
  } finally {
    rmSync(made.tree, { recursive: true });
  }
}

trial('nothing is planted: must be missed', SECTIONS, () => [], false);
for (const [what, file, place, instead, by] of FAULTS) trial(what, by, (made) => plant(made, file, place, instead) ?? []);
for (const quirk of QUIRKS) {
  trial(`the module has no ${quirk}`, SECTIONS, ({ tree }) => {
    const module = join(tree, 'other.wasm');
    execFileSync(join(javascript, 'core', 'build.sh'), ['--without', quirk, module], { stdio: ['ignore', 'ignore', 'inherit'] });
    return ['--module', module];
  });
}
if (trials === 0) throw new Error(`no fault has ${process.argv[2]} in its name`);
process.exit(missed ? 1 : 0);
