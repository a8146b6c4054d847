// Builds the page, one HTML file that needs nothing else:
//
//     node playground/build.mjs [--module WASM] [--serve PORT] [FILE]
//
// FILE is playground/dist/index.html by default. With --serve the page is then served at
// http://localhost:PORT/. WASM is ../highwater.wasm by default; core/build.sh makes it.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { data } from './data.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const target = resolve(process.env.CARGO_TARGET_DIR || join(here, '..', '..', '..', 'target'));
const tools = join(target, 'javascript', 'tools');
const PACKAGES = { esbuild: '0.25.0', events: '3.3.0', buffer: '6.0.3' };

export const MODULE = join(here, '..', 'highwater.wasm');
export const PAGE = join(here, 'dist', 'index.html');

function esbuild() {
  const missing = Object.keys(PACKAGES).filter((name) => !existsSync(join(tools, 'node_modules', name)));
  if (missing.length > 0) {
    const packages = Object.entries(PACKAGES).map(([name, version]) => `${name}@${version}`);
    execFileSync('npm', ['install', '--silent', '--no-fund', '--no-audit', '--prefix', tools, ...packages], { stdio: ['ignore', 'ignore', 'inherit'] });
  }
  return createRequire(join(tools, 'node_modules', 'esbuild', 'package.json'))('esbuild');
}

// One script with all that `entry` uses. In place of Node's modules it has shims/.
export async function bundle(entry, { module: wasm = MODULE, ...options } = {}) {
  if (!existsSync(wasm)) throw new Error(`${wasm} is not there: build it with core/build.sh`);
  mkdirSync(tools, { recursive: true });
  const facts = join(tools, 'page-data.json');
  writeFileSync(facts, JSON.stringify(data()));
  const shim = (name) => join(here, 'shims', name);
  const { outputFiles } = await esbuild().build({
    entryPoints: [join(here, entry)],
    bundle: true,
    write: false,
    platform: 'browser',
    target: 'es2022',
    charset: 'utf8',
    nodePaths: [join(tools, 'node_modules')],
    inject: [shim('process.mjs')],
    define: { __dirname: '"."' },
    loader: { '.wasm': 'binary' },
    alias: {
      fs: shim('fs.js'),
      path: shim('path.js'),
      stream: shim('stream.js'),
      util: shim('util.js'),
      'highwater.wasm': resolve(wasm),
      'page-data': facts,
    },
    logLevel: 'warning',
    ...options,
  });
  return outputFiles[0].text;
}

export async function page(module) {
  const script = await bundle('main.mjs', { module, minify: true, format: 'iife' });
  const style = readFileSync(join(here, 'style.css'), 'utf8').replace(/\/\*[^]*?\*\//g, '').replace(/\n\s*/g, '\n');
  return readFileSync(join(here, 'page.html'), 'utf8')
    .replace('/* style */', () => style)
    .replace('/* script */', () => script);
}

function serve(html, port) {
  const server = createServer((request, response) => {
    const found = request.url.split('?')[0] === '/';
    response.writeHead(found ? 200 : 404, { 'content-type': found ? 'text/html; charset=utf-8' : 'text/plain' });
    response.end(found ? html : 'not found\n');
  });
  server.on('error', (error) => fail(error.message));
  server.listen(port, 'localhost', () => console.log(`open http://localhost:${server.address().port}/`));
}

function fail(why) {
  console.error(`build.mjs: ${why}`);
  process.exit(1);
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { module: { type: 'string' }, serve: { type: 'string' } },
  });
  const html = await page(values.module);
  const file = resolve(positionals[0] ?? PAGE);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, html);
  console.log(`${file}: ${Buffer.byteLength(html)} bytes`);
  if (values.serve !== undefined) serve(html, Number(values.serve));
}

if (process.argv[1] && pathToFileURL(process.argv[1]).href === import.meta.url) {
  main().catch((error) => fail(error.message));
}
