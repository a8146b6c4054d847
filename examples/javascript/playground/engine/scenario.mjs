// Reads a case from an address or from the text field: the notation of the tests
// (`tests/testkit/src/replay/scenario.rs`). What is no case is refused with a sentence.

import kit from '../../kit/play.js';

const LETTERS = { f: 'sStTmx', c: 'sStTmx', d: 'sStTmxpP' };
const ACTION = /^(?:w\d+[noab]|r\d+x\d+[noab]|e(?:-|\d+)[no]|[cu]|[dkKfox][01])$/;
const NUMBERS = ['hwm', 'lw', 'lim'];
const BITS = ['obj', 'ad', 'ec', 'v'];
const MOST = { text: 200_000, actions: 20_000, bytes: 32 * 1024 * 1024, mark: 2 ** 31 };

export class NoCase extends Error {}

const must = (holds, why) => { if (!holds) throw new NoCase(why); };
const isList = (value) => Array.isArray(value);
const isObject = (value) => typeof value === 'object' && value !== null && !isList(value);

export function readScenario(text) {
  must(text.length <= MOST.text, `A case has at most ${MOST.text} characters.`);
  let json;
  try {
    json = JSON.parse(text);
  } catch {
    throw new NoCase('This is not JSON.');
  }
  must(isObject(json), 'A case is an object: {"o":{"hwm":16},"sink":"m","turns":[["w1n"]]}.');
  const several = json.streams !== undefined;
  const plans = several ? json.streams : [json];
  must(isList(plans) && plans.length > 0 && plans.length <= 4, 'A case has one to four streams.');
  const size = { actions: 0, bytes: 0 };
  const act = (list, where) => actions(list, several ? plans.length : 0, size, where);
  must(isList(json.turns), 'The turns are missing.');
  const turns = json.turns.map((list) => act(list, 'a turn'));
  const streams = plans.map((one) => plan(one, act));
  must(size.bytes <= MOST.bytes, `A case writes at most ${MOST.bytes / 1024 / 1024} MB.`);
  return several ? { streams, turns } : { ...streams[0], turns };
}

function plan(json, act) {
  must(isObject(json) && isObject(json.o), 'The options "o" are missing.');
  const { o, sink, on = {} } = json;
  for (const name of NUMBERS) {
    const right = o[name] === undefined ? name !== 'hwm' : Number.isInteger(o[name]) && o[name] >= 0 && o[name] <= MOST.mark;
    must(right, `The option "${name}" is no length.`);
  }
  for (const name of BITS) must(o[name] === undefined || o[name] === 0 || o[name] === 1, `The option "${name}" is 0 or 1.`);
  for (const [name, letters] of Object.entries(LETTERS)) {
    const right = !o[name] || (typeof o[name] === 'string' && o[name].length === 1 && letters.includes(o[name]));
    must(right, `The option "${name}" is 0 or one of ${letters}.`);
  }
  must(/^[sStTm]+$/.test(sink), 'The sink is one or more of the letters s, S, t, T and m.');
  must(isObject(on), '"on" is an object of lists.');
  const points = Object.entries(on).map(([point, lists]) => {
    must(kit.POINTS.includes(point), `There is no point "${point}".`);
    must(isList(lists), `"${point}" has no list of lists.`);
    return [point, lists.map((list) => act(list, `"${point}"`))];
  });
  const known = [...NUMBERS, ...BITS, ...Object.keys(LETTERS)].filter((name) => o[name] !== undefined);
  return { o: Object.fromEntries(known.map((name) => [name, o[name]])), sink, on: Object.fromEntries(points) };
}

function actions(list, streams, size, where) {
  must(isList(list), `${where} is no list of actions.`);
  for (const action of list) {
    must(typeof action === 'string', `${where} has an action that is no text.`);
    const [, index, bare] = streams > 0 ? /^(\d+)(.*)$/.exec(action) ?? [] : [null, 0, action];
    must(bare !== undefined && Number(index) < Math.max(1, streams) && ACTION.test(bare), `"${action}" is no action.`);
    const [, times = '1', len = '0'] = /^(?:r(\d+)x|[we])(\d+)/.exec(bare) ?? [];
    size.actions += Number(times);
    size.bytes += Number(times) * Number(len);
    must(size.actions <= MOST.actions, `A case has at most ${MOST.actions} actions.`);
  }
  return [...list];
}
