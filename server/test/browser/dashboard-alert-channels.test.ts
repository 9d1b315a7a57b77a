import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { Webhook } from 'standardwebhooks';
import { addChannel, type Receiver, readChannel, startReceiver } from '../alert-receiver.ts';
import { type AlertRig, above, startAlertRig } from '../alerts.ts';
import { hasBrowser } from './chromium.ts';
import { type DashboardStack, PAGES_LIMIT_MS, screenshot, signIn, startDashboard } from './dashboard.ts';
import { axeFindings, findingsOf, LOOKS, type Shown, WCAG } from './looks.ts';

describe.skipIf(!hasBrowser)('alert channels in the dashboard', () => {
  let dashboard: DashboardStack;
  let rig: AlertRig;
  let receiver: Receiver;
  beforeAll(async () => {
    dashboard = await startDashboard({ env: { ALERT_PRIVATE_ADDRESSES: 'true' } });
    rig = await startAlertRig(dashboard.stack);
    receiver = startReceiver();
  }, PAGES_LIMIT_MS);
  afterEach(async () => {
    await dashboard.stack.sql`delete from alert_rules`;
    await dashboard.stack.sql`update alert_rule_book set revision = revision + 1`;
    await dashboard.stack.sql`delete from alert_channels`;
  });
  afterAll(async () => {
    rig?.close();
    await receiver?.close();
    await dashboard?.close();
  });

  test(
    'a webhook is added with its secret shown once, tested, and told of an alert with a good signature',
    async () => {
      const { page, context, complaints } = await dashboard.openSignedIn('/alerts/channels');
      await page.getByText('No channels yet').waitFor();
      await page.getByRole('button', { name: 'Add a channel' }).first().click();
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('textbox', { name: 'Name' }).fill('On-call service');
      await dialog.getByRole('textbox', { name: 'URL' }).fill('not a url');
      await dialog.getByRole('button', { name: 'Add' }).click();
      await dialog.getByText(/must begin with https/i).waitFor();
      await dialog.getByRole('textbox', { name: 'URL' }).fill(`${receiver.url}/hook`);
      await dialog.getByRole('button', { name: 'Add' }).click();
      await dialog.getByText('This is the only time the secret is shown.').waitFor();
      expect(await axeFindings(page, WCAG)).toEqual([]);
      await screenshot(page, 'light-alert-secret', false);
      const secret = (await dialog.locator('pre').textContent()) ?? '';
      expect(secret).toStartWith('whsec_');
      await dialog.getByRole('button', { name: 'I have stored it' }).click();

      receiver.answer = () => new Response('hello from the receiver', { status: 202 });
      await page.getByRole('button', { name: 'Test On-call service' }).click();
      await page.getByText(/^Delivered after \d+ ms, HTTP 202/).waitFor();
      await page.getByText('hello from the receiver').waitFor();
      expect(await axeFindings(page, WCAG)).toEqual([]);
      await screenshot(page, 'light-alert-test', false);
      receiver.answer = () => new Response('no such path', { status: 404 });
      await page.getByRole('button', { name: 'Send again' }).click();
      await page.getByText(/^Not delivered after \d+ ms, HTTP 404/).waitFor();
      await page.getByText('no such path').waitFor();
      await page.getByRole('button', { name: 'Close' }).first().click();
      receiver.answer = () => new Response('thank you');

      await page.goto(`${dashboard.stack.url}/alerts/rules/new`);
      await page.getByLabel('Field').fill('temperature');
      await page.getByRole('textbox', { name: 'Limit' }).fill('30');
      await page.getByRole('checkbox', { name: 'On-call service' }).check();
      await page.getByRole('button', { name: 'Add the rule' }).click();
      await page.getByRole('link', { name: 'Temperature above 30' }).waitFor();
      const device = await rig.startDevice();
      const before = receiver.requests.length;
      await device.send({ temperature: 31 });
      const request = (await receiver.got(before + 1)).at(-1);
      const content = new Webhook(secret).verify(request?.body ?? '', request?.headers ?? {});
      expect(content).toMatchObject({ type: 'alerts.changed', data: { firing: 1 } });

      await page.goto(`${dashboard.stack.url}/alerts/channels`);
      await page.getByRole('link', { name: 'On-call service' }).click();
      await page.getByRole('cell', { name: 'Delivered' }).waitFor();
      expect(await page.content()).not.toContain(secret);
      expect(complaints).toEqual([]);
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'a channel that the server disabled says why, everywhere, until it is enabled again',
    async () => {
      const { id } = await addChannel(rig, { kind: 'ntfy', url: `${receiver.url}/topic` }, 'Phones');
      await dashboard.stack.sql`
        update alert_channels set enabled = false, notice = 'Nothing was delivered for three days.' where id = ${id}`;
      const { page, context } = await dashboard.openSignedIn('/');
      await page.getByText('Alerts are not delivered.').waitFor();
      await page.getByRole('link', { name: 'Channels' }).click();
      await page.getByText('Nothing was delivered for three days.').waitFor();
      await page.getByRole('switch', { name: 'Phones is enabled' }).click();
      await page.getByText('Nothing delivered yet').waitFor();
      expect((await readChannel(rig, id)).notice).toBeNull();
      await page.getByRole('link', { name: 'Overview' }).click();
      await page.getByText('Alerts are not delivered.').waitFor({ state: 'detached' });
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'a channel is edited, its secret is replaced, and it is deleted once no rule names it',
    async () => {
      const channel = await addChannel(rig, { kind: 'webhook', url: `${receiver.url}/hook` }, 'Old name');
      const { id: rule } = await rig.addRule({ condition: above(30), channels: [channel.id] });
      const { page, context } = await dashboard.openSignedIn(`/alerts/channels/${channel.id}`);
      const choose = async (name: string) => {
        await page.getByRole('button', { name: 'More actions' }).click();
        await page.getByRole('menuitem', { name }).click();
      };
      const dialog = page.getByRole('dialog');
      await choose('Edit');
      await dialog.getByRole('textbox', { name: 'Name' }).fill('New name');
      await dialog.getByRole('button', { name: 'Save' }).click();
      await page.getByRole('heading', { name: 'New name', level: 1 }).waitFor();
      await choose('Replace the secret…');
      await dialog.getByRole('button', { name: 'Replace' }).click();
      const secret = (await dialog.locator('pre').textContent()) ?? '';
      expect(secret).toStartWith('whsec_');
      expect(secret).not.toBe(channel.secret);
      await dialog.getByRole('button', { name: 'I have stored it' }).click();
      await choose('Delete');
      await dialog.getByRole('button', { name: 'Delete' }).click();
      await dialog.getByText('Remove it from them first').waitFor();
      await rig.call('DELETE', `/alert-rules/${rule}`, undefined, { 'if-match': '"1"' });
      await dialog.getByRole('button', { name: 'Delete' }).click();
      await page.getByText('No channels yet').waitFor();
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test(
    'a viewer sees channels, and finds nothing to change',
    async () => {
      const { id } = await addChannel(
        rig,
        { kind: 'webhook', url: `${receiver.url}/hook` },
        'On-call service',
      );
      const viewer = { username: 'viewer-of-channels', password: 'a long enough password' };
      expect((await rig.call('POST', '/operators', { ...viewer, role: 'viewer' })).status).toBe(201);
      const { page, context } = await dashboard.open('/alerts/channels');
      await signIn(page, viewer);
      await page.getByRole('link', { name: 'On-call service' }).waitFor();
      const controls = page.locator('#main').getByRole('button').or(page.getByRole('switch'));
      expect(await controls.count()).toBe(0);
      await page.goto(`${dashboard.stack.url}/alerts/channels/${id}`);
      await page.getByText('No messages yet').waitFor();
      expect(await controls.count()).toBe(0);
      await context.close();
    },
    PAGES_LIMIT_MS,
  );

  test.each(Object.keys(LOOKS))(
    'meet WCAG 2.2 AA by axe and break no policy, %s',
    async (look) => {
      const hook = await addChannel(rig, { kind: 'webhook', url: `${receiver.url}/hook` }, 'On-call service');
      const phones = await addChannel(rig, { kind: 'ntfy', url: `${receiver.url}/greenhouse` }, 'Phones');
      await insertMessages(dashboard, hook.id);
      await dashboard.stack.sql`
        update alert_channels set enabled = false, notice = 'Deliveries have failed for three days: HTTP 403.'
        where id = ${phones.id}`;
      const { page, context, complaints } = await dashboard.openSignedIn('/', LOOKS[look]);
      const pages: Shown[] = [
        {
          name: 'alert-channels',
          path: () => '/alerts/channels',
          ready: (shown) => shown.getByText('Disabled by the server.').waitFor(),
        },
        {
          name: 'alert-channel',
          path: () => `/alerts/channels/${hook.id}`,
          ready: (shown) => shown.getByText('connection refused').first().waitFor(),
        },
        {
          name: 'alert-channel-add',
          path: () => '/alerts/channels',
          ready: async (shown) => {
            await shown.getByRole('button', { name: 'Add a channel' }).click();
            await shown.getByRole('radio', { name: /^ntfy/ }).check();
            await shown.getByLabel('Access token').waitFor();
          },
        },
      ];
      expect(await findingsOf(page, dashboard.stack.url, pages.slice(0, 2), look)).toEqual([]);
      const [add] = pages.slice(2);
      await page.goto(`${dashboard.stack.url}${add?.path()}`);
      await add?.ready(page);
      expect(await axeFindings(page, WCAG)).toEqual([]);
      await screenshot(page, `${look}-alert-channel-add`, false);
      expect(complaints).toEqual([]);
      await context.close();
    },
    PAGES_LIMIT_MS,
  );
});

/** Messages in each state. */
async function insertMessages({ stack: { sql } }: DashboardStack, channel: string): Promise<void> {
  for (const [minutes, state, title, status, error] of [
    [300, 'failed', 'Firing: Nothing heard on Cellar', null, 'connection refused'],
    [60, 'delivered', '3 alerts fire, 1 is resolved', 200, null],
    [2, 'queued', 'Firing: Too warm on Greenhouse 1', 503, 'HTTP 503'],
  ] as const) {
    const id = `msg_${minutes}_${channel.slice(0, 8)}`;
    await sql`
      insert into alert_messages (id, channel_id, content, title, alerts, state, attempts, created_at, next_attempt_at, finished_at, status, error)
      values (${id}, ${channel}, '{}', ${title}, 1, ${state}, 2, now() - make_interval(mins => ${minutes}),
        now() + interval '4 minutes', ${state === 'queued' ? null : sql`now()`}, ${status}, ${error})`;
  }
}
