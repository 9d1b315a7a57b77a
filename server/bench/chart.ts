import type { Browser, BrowserContext, Page } from 'playwright-core';
import { z } from 'zod';
import { buildDashboard } from '../dashboard/build.ts';
import { systemClock } from '../src/platform/clock.ts';
import { openDatabase } from '../src/platform/db/client.ts';
import { hasBrowser, launchBrowser } from '../test/browser/chromium.ts';
import { fillMillion, MILLION } from './million-records.ts';
import { heading, report, writeLine } from './report.ts';
import { alternate, median } from './rounds.ts';
import { ADMIN, startSubject } from './stack.ts';

const DAY_MS = 86_400_000;
const DAYS = 60;
const ROUNDS = 5;
const INTERACTIVE_AIM_MS = 1_000;
const ZOOM_AIM_MS = 200;
/** What each drag leaves of the stretch that is shown. */
const ZOOM = 0.2;
/** Sixty days become twelve, then two and a half, then half a day, then two hours and a half. */
const ZOOMS = 4;

/** The dashboard in Chromium: from the address to a page that can be used, and from a drag over a chart to what it shows. */
export async function benchChart(databaseUrl: string): Promise<void> {
  heading(`chart: ${MILLION.toLocaleString('en')} records of one device over ${DAYS} days, in Chromium`);
  if (!hasBrowser) return writeLine('left out: there is no Chromium on this machine');
  const toMs = Math.floor(systemClock.now() / DAY_MS) * DAY_MS;
  const times = { fromMs: toMs - DAYS * DAY_MS, toMs };
  await buildDashboard();
  const database = openDatabase(databaseUrl);
  const subject = await startSubject({ databaseUrl });
  const browser = await launchBrowser();
  try {
    const { uuid } = await fillMillion(database, times);
    await database.sql`
      insert into devices (id, role, state, name, created_at) values (${uuid}, 'agent', 'active', 'A million records', now())
      on conflict do nothing`;
    const origin = `http://127.0.0.1:${subject.port}`;
    const state = await signIn(browser, origin);
    const chart = `${origin}/devices/${uuid}/data?from=${times.fromMs}&to=${times.toMs}`;
    await reportInteractive(browser, state, 'overview', `${origin}/`, '.figure');
    await reportInteractive(browser, state, 'chart of a million records', chart, CHART);
    await reportZooms(browser, state, chart);
    writeLine('interactive: in a browser with an empty cache, until what the page is for is there');
    writeLine('zoomed: from the end of the drag until the figures of the new stretch are drawn');
  } finally {
    await browser.close();
    await subject.child.stop();
    await database.close(1_000);
  }
}

type SignedIn = Awaited<ReturnType<BrowserContext['storageState']>>;

const CHART = '[role=img][aria-label^="Chart of temp: last"]';

async function signIn(browser: Browser, origin: string): Promise<SignedIn> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(origin);
  await page.getByLabel('User name').fill(ADMIN.username);
  await page.getByLabel('Password').fill(ADMIN.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('#main').waitFor();
  const state = await context.storageState();
  await context.close();
  return state;
}

/** Opens pages with nothing in the browser's cache, until what they are for is there; an empty page is the floor. */
async function reportInteractive(
  browser: Browser,
  state: SignedIn,
  name: string,
  url: string,
  shown: string,
): Promise<void> {
  const open = async (address: string, expression: string) => {
    const context = await browser.newContext({ storageState: state });
    const page = await context.newPage();
    await page.goto(address, { waitUntil: 'commit' });
    const took = await sinceStart(page, expression, 0);
    await context.close();
    return took;
  };
  const ended = await alternate(
    ROUNDS,
    () => open(new URL('/health/live', url).href, 'document.body?.textContent'),
    () => open(url, `document.querySelector(${JSON.stringify(shown)})`),
  );
  report({ name: `${name}, an empty page's time`, ...ended });
  reportAim(`${name}, interactive`, median(ended.subject), INTERACTIVE_AIM_MS);
}

interface Zoom {
  readonly tookMs: number;
  /** The part of it that the server's answer takes. */
  readonly requestMs: number;
}

async function reportZooms(browser: Browser, state: SignedIn, url: string): Promise<void> {
  const context = await browser.newContext({ storageState: state });
  const page = await context.newPage();
  const zooms = Array.from({ length: ZOOMS }, (): Zoom[] => []);
  for (let round = 0; round <= ROUNDS; round++) {
    await page.goto(url);
    await page.locator(CHART).waitFor();
    // Each round elsewhere, so that nothing has been read before.
    for (const zoom of zooms) zoom.push(await zoomIn(page, 0.1 + (round / ROUNDS) * 0.6));
  }
  for (const [at, [, ...measured]] of zooms.entries()) {
    const hours = DAYS * 24 * ZOOM ** (at + 1);
    const length = hours >= 48 ? `${(hours / 24).toFixed(1)} d` : `${hours.toFixed(1)} h`;
    const subject = measured.map(({ tookMs }) => tookMs);
    report({
      name: `to ${length}, its request's time`,
      subject,
      floor: measured.map((zoom) => zoom.requestMs),
    });
    reportAim(`zoomed to ${length}`, median(subject), ZOOM_AIM_MS);
  }
  await context.close();
}

/** Drags over a part of the chart, from `start` of its width on. */
async function zoomIn(page: Page, start: number): Promise<Zoom> {
  const box = await page.locator('.u-over').first().boundingBox();
  if (!box) throw new Error('the chart is not on the page');
  const y = box.y + box.height / 2;
  const before = await page.locator(CHART).getAttribute('aria-label');
  await page.evaluate(`document.addEventListener('mouseup', () => {
    performance.clearResourceTimings();
    globalThis.released = performance.now();
  }, { capture: true, once: true })`);
  await page.mouse.move(box.x + box.width * start, y);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * (start + ZOOM), y, { steps: 4 });
  await page.mouse.up();
  const drawn = `document.querySelector(${JSON.stringify(CHART)})?.ariaLabel !== ${JSON.stringify(before)}`;
  const tookMs = await sinceStart(page, drawn, 'globalThis.released');
  const requestMs = await page.evaluate(
    "performance.getEntriesByType('resource').find(({ name }) => name.includes('buckets='))?.duration",
  );
  return { tookMs, requestMs: z.number().parse(requestMs) };
}

/** Milliseconds from a time of the page until an expression holds and that is painted. */
async function sinceStart(page: Page, expression: string, start: string | number): Promise<number> {
  const took = await page.evaluate(`new Promise((resolve) => {
    const look = () => (${expression})
      ? requestAnimationFrame(() => resolve(performance.now() - ${start}))
      : requestAnimationFrame(look);
    look();
  })`);
  return z.number().parse(took);
}

function reportAim(name: string, ms: number, aimMs: number): void {
  const verdict = ms < aimMs ? 'met' : 'missed';
  writeLine(`${name.padEnd(28)} ${ms.toFixed(0)} ms   aim < ${aimMs} ms: ${verdict}`);
}
