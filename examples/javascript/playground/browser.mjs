// Chromium for the test and for pictures: Debian's, driven by playwright-core, which is
// fetched on the first run. HIGHWATER_CHROMIUM names another Chromium.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const folder = join(resolve(process.env.CARGO_TARGET_DIR || join(here, '..', '..', '..', 'target')), 'javascript', 'browser');

export async function browser() {
  if (!existsSync(join(folder, 'node_modules', 'playwright-core'))) {
    execFileSync('npm', ['install', '--silent', '--no-fund', '--no-audit', '--prefix', folder, 'playwright-core@1.65.1'], { stdio: ['ignore', 'ignore', 'inherit'] });
  }
  const { chromium } = createRequire(join(folder, 'node_modules', 'playwright-core', 'package.json'))('playwright-core');
  return chromium.launch({
    executablePath: process.env.HIGHWATER_CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox'], // the tests run as root
  });
}
