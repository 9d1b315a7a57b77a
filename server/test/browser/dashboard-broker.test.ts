import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { registerDevice } from '../harness.ts';
import { hasBrowser } from './chromium.ts';
import { type DashboardStack, PAGES_LIMIT_MS, screenshot, startDashboard } from './dashboard.ts';
import { axeFindings, LOOKS } from './looks.ts';

describe.skipIf(!hasBrowser)('the checks on the page of the broker', () => {
  let dashboard: DashboardStack;
  beforeAll(async () => {
    dashboard = await startDashboard();
  }, PAGES_LIMIT_MS);
  afterAll(() => dashboard?.close());

  /** Rules that no pair explains, as somebody with access to the broker could add. */
  async function addStrayRules(uuid: string): Promise<void> {
    const { EMQX_API_URL, EMQX_API_KEY, MQTT_SECRET_KEY } = dashboard.stack.env;
    const answer = await fetch(
      `${EMQX_API_URL}/authorization/sources/built_in_database/rules/clients/${uuid}`,
      {
        method: 'PUT',
        headers: {
          authorization: `Basic ${btoa(`${EMQX_API_KEY}:${MQTT_SECRET_KEY}`)}`,
          'content-type': 'application/json',
        },
        body: JSON.stringify({
          clientid: uuid,
          rules: [{ topic: 'x', permission: 'allow', action: 'all' }],
        }),
      },
    );
    expect(answer.ok).toBe(true);
  }

  test(
    'are ok, tell what differs and what to do, and are ok again after a repair',
    async () => {
      const { page, context, complaints } = await dashboard.openSignedIn('/broker');
      const card = page.getByRole('region', { name: 'Checks' });
      const run = card.getByRole('button', { name: 'Run checks' });
      await card.getByText('Not run yet.').waitFor();
      await run.click();
      await card.getByText('All 7 checks are ok.').waitFor();
      expect(await card.getByText('OK', { exact: true }).count()).toBe(7);
      await screenshot(page, 'light-broker-checks');

      const { uuid } = await registerDevice(dashboard.stack.url);
      await addStrayRules(uuid);
      await run.click();
      await card.getByText('1 check failed.').waitFor();
      const failed = card.getByRole('listitem').filter({ has: page.getByText('Failed', { exact: true }) });
      await failed.getByText('1 devices with rules that are no longer paired').waitFor();
      await failed.getByText('Reconcile now. The server repairs them by itself').waitFor();
      expect(await axeFindings(page)).toEqual([]);
      await screenshot(page, 'light-broker-difference');

      await page.getByRole('button', { name: 'Reconcile now' }).click();
      await page.getByText('Differences were repaired.').waitFor();
      await run.click();
      await card.getByText('All 7 checks are ok.').waitFor();
      expect(complaints).toEqual([]);
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test.each(['dark', 'phone'])(
    'say what was not checked where the broker does not answer, %s',
    async (look) => {
      const { page, context, complaints } = await dashboard.openSignedIn('/broker', LOOKS[look]);
      const card = page.getByRole('region', { name: 'Checks' });
      dashboard.stack.broker.failApi(503);
      await card.getByRole('button', { name: 'Run checks' }).click();
      await card.getByText('The broker REST API answered 503.').waitFor();
      expect(await card.getByText('Not checked', { exact: true }).count()).toBe(3);
      await card.getByText('Check that EMQX runs').waitFor();
      expect(await axeFindings(page)).toEqual([]);
      await screenshot(page, `${look}-broker-outage`);
      dashboard.stack.broker.failApi(null);
      expect(complaints).toEqual([]);
      await context.close();
    },
    PAGES_LIMIT_MS,
  );
});
