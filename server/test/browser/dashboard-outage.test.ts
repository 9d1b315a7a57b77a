import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { z } from 'zod';
import { insertDevices } from '../devices.ts';
import { until } from '../harness.ts';
import { hasBrowser } from './chromium.ts';
import { type DashboardStack, PAGES_LIMIT_MS, signIn, startDashboard } from './dashboard.ts';

describe.skipIf(!hasBrowser)('the dashboard, when things go wrong', () => {
  let dashboard: DashboardStack;
  beforeAll(async () => {
    dashboard = await startDashboard();
  }, PAGES_LIMIT_MS);
  afterAll(() => dashboard?.close());

  test(
    'a page that was never opened is loaded when the server is back, and the application stays meanwhile',
    async () => {
      const { stack } = dashboard;
      const { page, context } = await dashboard.openSignedIn('/');
      await page.getByText('Answering', { exact: true }).waitFor();
      await stack.stopServer();
      await page.getByText('What you see may be out of date').waitFor();
      // Nothing is known of the database while the server is away.
      await page.getByText('Not known', { exact: true }).waitFor();
      await page.getByRole('link', { name: 'API keys' }).click();
      await page.getByText('This page is not loaded yet').waitFor();
      await page.getByRole('link', { name: 'Overview' }).click();
      await page.getByRole('heading', { name: 'Overview' }).waitFor();
      await page.getByRole('link', { name: 'API keys' }).click();
      await page.getByText('This page is not loaded yet').waitFor();
      await stack.startServer();
      await page.getByRole('heading', { name: 'API keys', level: 1 }).waitFor();
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'without an answer about its values, a device is not said to have sent none',
    async () => {
      const [id] = await insertDevices(dashboard.stack, 1, () => ({ name: 'Silent', role: 'master' }));
      const { page, context } = await dashboard.openSignedIn('/');
      await page.route(/telemetry\/latest|\/devices\?master=/, (route) => route.fulfill(UNAVAILABLE));
      await page.goto(`${dashboard.stack.url}/devices/${id}`);
      const values = page.getByRole('region', { name: 'Last values' });
      await values.getByText('The database does not answer.').waitFor();
      expect(await values.getByText('Nothing received yet.').count()).toBe(0);
      const agents = page.getByRole('region', { name: 'Agents' });
      await agents.getByText('The database does not answer.').waitFor();
      expect(await agents.getByText('None yet.').count()).toBe(0);
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'a page that was opened while the database was down goes on by itself within seconds',
    async () => {
      const { page, context } = await dashboard.open('/docs');
      await page.route(/\/api\/v1\/session$/, (route) => route.fulfill(UNAVAILABLE));
      await page.goto(dashboard.stack.url);
      await page.getByText('The database does not answer.').waitFor();
      await page.unroute(/\/api\/v1\/session$/);
      await page.getByRole('heading', { name: 'Sign in' }).waitFor({ timeout: 30_000 });
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'a late answer that nobody is signed in does not undo a sign-in',
    async () => {
      const { page, context } = await dashboard.open('/devices');
      await page.getByRole('heading', { name: 'Sign in' }).waitFor();
      const held = Promise.withResolvers<void>();
      let isAsked = false;
      const told = Promise.withResolvers<void>();
      await page.route(/\/api\/v1\/session$/, async (route) => {
        if (route.request().method() !== 'GET') return route.continue();
        const answer = await route.fetch();
        isAsked = true;
        await held.promise;
        await route.fulfill({ response: answer });
        told.resolve();
      });
      await until('coming back to the tab has the session asked for', async () => {
        await page.evaluate("window.dispatchEvent(new Event('visibilitychange'))");
        return isAsked;
      });
      await signIn(page);
      await page.evaluate(NOTE_SIGN_IN_PAGES);
      held.resolve();
      await told.promise;
      await page.getByRole('link', { name: 'Broker' }).click();
      await page.getByRole('heading', { name: 'Broker', level: 1 }).waitFor();
      expect(await page.evaluate('signInPages')).toBe(0);
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'an answer that was cut off is not the fault of the page',
    async () => {
      const { page, context } = await dashboard.openSignedIn('/');
      await page.route(/\/api\/v1\/operators/, (route) =>
        route.fulfill({ contentType: 'application/json', body: '{"items": [' }),
      );
      await page.getByRole('link', { name: 'Operators' }).click();
      await page.getByText('The answer of the server was cut off.').waitFor();
      await page.unroute(/\/api\/v1\/operators/);
      await page.getByRole('button', { name: 'Try again' }).click();
      await page.getByRole('cell', { name: 'admin (you)' }).waitFor();
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'of event streams that slowly start one after the other only the newest stays open',
    async () => {
      const { stack } = dashboard;
      const [first, second] = await insertDevices(stack, 2, (at) => ({ name: `Stream ${at}` }));
      const { page, context } = await dashboard.openSignedIn('/devices');
      await page.addInitScript(RECORD_STREAMS);
      await page.reload();
      const open = async () =>
        z.array(z.object({ url: z.string(), state: z.int() })).parse(await page.evaluate(OPEN_STREAMS));
      await until('there is a stream', async () => (await open()).some(({ state }) => state === OPEN));
      const held = Promise.withResolvers<void>();
      await page.route(/\/api\/v1\/events\?/, async (route) => {
        await held.promise;
        // Those that were given up are gone.
        await route.continue().catch(() => {});
      });
      for (const [name, id] of [
        ['Stream 0', first],
        ['Stream 1', second],
      ]) {
        const asked = page.waitForRequest((request) => request.url().endsWith(`/events?device=${id}`));
        await page.getByRole('searchbox').fill(name ?? '');
        await asked;
      }
      held.resolve();
      await until('only the newest is open', async () => {
        const [one, ...others] = await open();
        return others.length === 0 && one?.state === OPEN && one.url.endsWith(`device=${second}`);
      });
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'after an hour on the sign-in page, times are those of now',
    async () => {
      const { page, context } = await dashboard.open('/docs');
      await page.clock.install();
      await page.goto(`${dashboard.stack.url}/account`);
      await page.getByRole('heading', { name: 'Sign in' }).waitFor();
      await page.clock.fastForward('01:00:00');
      await signIn(page);
      // The server's clock has not moved.
      const signedIn = page.getByText(/signed in .+ · last used/).first();
      await signedIn.waitFor();
      expect(await signedIn.textContent()).toContain('signed in 1 hour ago');
      await context.close();
    },
    PAGES_LIMIT_MS,
  );
});

const UNAVAILABLE = {
  status: 503,
  contentType: 'application/problem+json',
  body: JSON.stringify({
    type: '/problems/unavailable',
    status: 503,
    detail: 'The database does not answer.',
  }),
};

const NOTE_SIGN_IN_PAGES = `{
  window.signInPages = 0;
  const note = () => { if (document.querySelector('.signin')) window.signInPages++; };
  new MutationObserver(note).observe(document.body, { subtree: true, childList: true });
}`;

/** `EventSource.OPEN`. */
const OPEN = 1;
const OPEN_STREAMS = `streams.filter(({ readyState }) => readyState !== EventSource.CLOSED)
  .map(({ url, readyState }) => ({ url, state: readyState }))`;
const RECORD_STREAMS = `{
  const Original = EventSource;
  window.streams = [];
  window.EventSource = class extends Original {
    constructor(...parameters) {
      super(...parameters);
      window.streams.push(this);
    }
  };
}`;
