/**
 * `npx -y bun run screenshots`: takes the pictures of the README again, from the product as `dev --demo` starts it, in
 * Chromium.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { hasBrowser, launchBrowser } from '../test/browser/chromium.ts';
import { startChild } from '../test/child.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const IMAGES = fileURLToPath(new URL('../../docs/images', import.meta.url));
/** So that the page has a rate to show. */
const LIVED_MS = 60_000;
/** By when the device with bad Wi-Fi has come and gone often enough. */
const FLAPS_LIMIT_MS = 600_000;
const VIEWPORT = { width: 1280, height: 800 };
const MAX_BYTES = 250_000;

const USAGE = `Usage: bun run screenshots

Starts the demo, which takes a few minutes until its figures are worth showing, and writes the pictures of the README
into docs/images. Requires Chromium.`;

const args = process.argv.slice(2);
if (args.length > 0) {
  const asked = args.every((argument) => argument === '--help' || argument === '-h');
  (asked ? console.log : console.error)(USAGE);
  process.exit(asked ? 0 : 2);
}
if (!hasBrowser) {
  console.error('Chromium is not installed, or not on the PATH as chromium.');
  process.exit(1);
}

const folder = await mkdtemp(join(tmpdir(), 'screenshots-'));
const ports = { PORT: '0', MQTT_PORT: '0', EMQX_API_PORT: '0' };
const demo = startChild([process.execPath, '--no-env-file', MAIN, '--demo'], ports, folder);
try {
  const [, url = '', username = '', password = ''] = await demo.prints(
    /dashboard +(http:\S+)\n +sign in +(\S+) \/ (\S+)[\s\S]+^ready$/m,
  );
  await Bun.sleep(LIVED_MS);
  const browser = await launchBrowser();
  try {
    const page = await signIn(browser, url, { username, password });
    await page.getByText('messages/s').waitFor();
    await page.getByRole('link', { name: /^Flapping 1/ }).waitFor({ timeout: FLAPS_LIMIT_MS });
    await take(page, 'overview.png');
    await page.getByRole('link', { name: 'Devices', exact: true }).click();
    await page.getByRole('link', { name: 'Tomato bed' }).click();
    await page.getByRole('link', { name: 'Data' }).click();
    const charts = page.locator('[aria-busy]', {
      has: page.getByRole('img', { name: /^Chart of temp: last/ }),
    });
    await charts.waitFor();
    await page.getByRole('button', { name: '7 d' }).click();
    await page.getByRole('button', { name: '7 d', pressed: true }).waitFor();
    await charts.and(page.locator('[aria-busy=false]')).waitFor();
    await take(page, 'charts.png');
  } finally {
    await browser.close();
  }
} finally {
  await demo.end();
  await rm(folder, { recursive: true, force: true });
}

async function signIn(
  browser: Browser,
  url: string,
  { username, password }: { readonly username: string; readonly password: string },
): Promise<Page> {
  const page = await browser.newPage({ viewport: VIEWPORT, colorScheme: 'light', locale: 'en-GB' });
  await page.goto(url);
  await page.getByLabel('User name').fill(username);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  return page;
}

async function take(page: Page, name: string): Promise<void> {
  const image = await page.screenshot({ path: join(IMAGES, name), animations: 'disabled' });
  console.log(`docs/images/${name}: ${Math.round(image.length / 1_000)} KB`);
  if (image.length > MAX_BYTES) throw new Error(`${name} is larger than ${MAX_BYTES / 1_000} KB`);
}
