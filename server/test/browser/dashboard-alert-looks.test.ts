import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type AlertRig, above, type SendingDevice, startAlertRig } from '../alerts.ts';
import { insertDevices } from '../devices.ts';
import { hasBrowser } from './chromium.ts';
import { type DashboardStack, PAGES_LIMIT_MS, startDashboard } from './dashboard.ts';
import { findingsOf, LOOKS, type Shown } from './looks.ts';

let dashboard: DashboardStack;
let rig: AlertRig;
let greenhouse: SendingDevice;
let warm = '';

const PAGES: readonly Shown[] = [
  { name: 'alerts', path: () => '/alerts', ready: (page) => page.getByText('Silenced until').waitFor() },
  {
    name: 'alerts-past',
    path: () => '/alerts?state=resolved',
    ready: (page) => page.getByText('Resolved').first().waitFor(),
  },
  {
    name: 'alerts-none',
    path: () => '/alerts?acknowledged=true&period=hour&state=resolved',
    ready: (page) => page.getByText('No alert matches').waitFor(),
  },
  {
    name: 'alert-rules',
    path: () => '/alerts/rules',
    ready: (page) => page.getByText('Night frost').waitFor(),
  },
  {
    name: 'alert-rule-new',
    path: () => `/alerts/rules/new?device=${greenhouse.uuid}`,
    ready: async (page) => {
      await page.getByLabel('Field').fill('temperature');
      await page.getByLabel(/^Limit/).fill('24');
      await page.getByLabel(/^Resolves at/).fill('22.5');
      await page.getByText(/^Would have fired/).waitFor();
      await page.getByRole('img', { name: /^Chart of temperature/ }).waitFor();
    },
  },
  {
    name: 'alert-rule',
    path: () => `/alerts/rules/${warm}`,
    ready: async (page) => {
      await page.getByText(/^Would have fired/).waitFor();
      await page.getByRole('img', { name: /^Chart of temperature/ }).waitFor();
    },
  },
  {
    name: 'alert-rule-missing',
    path: () => '/alerts/rules/new',
    ready: async (page) => {
      await page.getByRole('radio', { name: /^No records/ }).check();
      await page.getByText(/^Would have fired/).waitFor();
    },
  },
  {
    name: 'device-alerts',
    path: () => `/devices/${greenhouse.uuid}`,
    ready: (page) => page.getByText('is 31.4, above').first().waitFor(),
  },
  {
    name: 'overview-alerts',
    path: () => '/',
    ready: (page) => page.getByText('2 unacknowledged').waitFor(),
  },
];

describe.skipIf(!hasBrowser)('the alert pages of the dashboard', () => {
  beforeAll(async () => {
    dashboard = await startDashboard();
    rig = await startAlertRig(dashboard.stack);
    const { sql } = dashboard.stack;
    await insertDevices(dashboard.stack, 3, (at) => ({ name: `Sensor ${at}` }));
    greenhouse = await rig.startDevice();
    const cellar = await rig.startDevice();
    await sql`update devices set name = 'Greenhouse 1, north wall', tags = '{north}' where id = ${greenhouse.uuid}`;
    await sql`update devices set name = 'Cellar' where id = ${cellar.uuid}`;
    await greenhouse.send({ temperature: 20.4, humidity: 55 });
    await cellar.send({ temperature: 19 });
    await insertDay(dashboard.stack, greenhouse, 21);
    await insertDay(dashboard.stack, cellar, 20.2);
    await greenhouse.client.publishAsync(
      `device/${greenhouse.uuid}/about`,
      JSON.stringify({ f: { temperature: { u: '°C' }, humidity: { u: '%' } } }),
      { qos: 1 },
    );

    ({ id: warm } = await rig.addRule({ name: 'Too warm', condition: above(24, { clear: 22.5 }) }));
    await rig.addRule({
      name: 'Dry air',
      scope: { kind: 'tag', tag: 'north' },
      condition: { kind: 'threshold', field: 'humidity', direction: 'below', value: 30 },
    });
    await rig.addRule({ name: 'Nothing heard', condition: { kind: 'missing', seconds: 600 } });
    const frost = await rig.addRule({
      name: 'Night frost',
      scope: { kind: 'device', device: greenhouse.uuid },
      condition: above(-1, { direction: 'below', clear: 1, forSeconds: 900 }),
    });
    await rig.call('PATCH', `/alert-rules/${frost.id}`, { enabled: false }, { 'if-match': '"1"' });
    const send = (device: SendingDevice, record: object) =>
      device.client.publishAsync(`device/${device.uuid}/data`, JSON.stringify(record), { qos: 1 });
    for (const temperature of [25, 20]) await send(cellar, { temperature });
    await rig.alertsAre(cellar.uuid, ['resolved']);
    await send(cellar, { temperature: 26.1 });
    await rig.alertsAre(cellar.uuid, ['firing', 'resolved']);
    await send(greenhouse, { temperature: 31.4, humidity: 12 });
    const [first, second] = await rig.alertsAre(greenhouse.uuid, ['firing', 'firing']);
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString();
    await rig.call('POST', `/alerts/${first?.id}/acknowledge`);
    await rig.call('PUT', `/alerts/${second?.id}/silence`, { until: tomorrow });
  }, PAGES_LIMIT_MS);
  afterAll(async () => {
    rig?.close();
    await dashboard?.close();
  });

  test.each(Object.keys(LOOKS))(
    'meet WCAG 2.2 AA by axe and break no policy, %s',
    async (look) => {
      const { page, context, complaints } = await dashboard.openSignedIn('/', LOOKS[look]);
      expect(await findingsOf(page, dashboard.stack.url, PAGES, look)).toEqual([]);
      expect(complaints).toEqual([]);
      await context.close();
    },
    PAGES_LIMIT_MS,
  );
});

const RECORDS = 480;

/** A day of plausible records, received as they were measured, with two hours without any. */
async function insertDay(
  { sql }: DashboardStack['stack'],
  { uuid }: SendingDevice,
  mean: number,
): Promise<void> {
  await sql`
    insert into telemetry (device, at, received, data)
    select (select key from telemetry_devices where device_id = ${uuid}), at, at, jsonb_build_object(
      'temperature', round((${mean}::float8 + 4 * sin((hours - 6) * pi() / 12) + 0.7 * sin(nr * 1.7))::numeric, 2),
      'humidity', round((55 - 9 * sin((hours - 6) * pi() / 12) + sin(nr))::numeric, 1))
    from generate_series(0, ${RECORDS - 1}) as nr,
      lateral (select nr * 24.0 / ${RECORDS} as hours) as h,
      lateral (select now() - interval '1 day' + make_interval(secs => hours * 3600) as at) as t
    where hours not between 3 and 5`;
}
