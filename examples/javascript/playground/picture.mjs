// Draws picture.svg, the picture of the page for a README, on the machine itself:
//
//     node playground/picture.mjs [--check]
//
// With --check it only says whether the picture is the one that the sources give.

import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { bundle } from './build.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const FILE = join(here, 'picture.svg');
const TITLE = 'Two writable streams: one producer ignores that write() returned false, and the tank overflows its mark; the other one waits for the event drain';

// The colours, and how a drawing looks, from the page's own style sheet.
function style() {
  const sheet = readFileSync(join(here, 'style.css'), 'utf8');
  const colours = sheet.slice(sheet.indexOf(':root'), sheet.indexOf('* { box-sizing'));
  const drawings = /\/\* drawings[^\n]*\n([^]*?)\/\* end of drawings \*\//.exec(sheet)[1];
  return `${colours}${drawings}`.replace(/\n\s*/g, '\n');
}

async function draw() {
  const script = join(mkdtempSync(join(tmpdir(), 'highwater-picture-')), 'still.mjs');
  writeFileSync(script, await bundle('still.mjs', { format: 'esm' }));
  const { still, size: { width, height } } = await import(pathToFileURL(script).href);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${TITLE}</title>
<style>
${style()}svg > rect { fill: var(--card); stroke: var(--rule) }
.caption { font-size: 15px; font-weight: 600 }
</style>
<rect width="${width}" height="${height}" rx="10"/>
${still()}
</svg>
`;
}

const drawn = await draw();
if (process.argv[2] !== '--check') {
  writeFileSync(FILE, drawn);
  console.log(`${FILE}: ${drawn.length} bytes`);
} else if (readFileSync(FILE, 'utf8') !== drawn) {
  console.error('picture.mjs: picture.svg is not the one that the sources give; run it without --check');
  process.exit(1);
}
