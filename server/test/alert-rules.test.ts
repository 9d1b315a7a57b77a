import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { MAX_ALERT_RULES } from '../contract/api/alert-rules.ts';
import { type AlertRig, above, startAlertRig } from './alerts.ts';
import { hastyClock } from './clocks.ts';
import { auditOf, callApi, createApiKey } from './devices.ts';
import { startStack } from './harness.ts';

let rig: AlertRig;

beforeAll(async () => {
  rig = await startAlertRig(await startStack({ clock: hastyClock() }));
}, 60_000);
afterAll(async () => {
  rig.close();
  await rig.stack.close();
});

describe('an alert rule', () => {
  test('is created, read, listed, changed and deleted, and the audit log tells', async () => {
    const made = await rig.addRule({ name: 'warm', condition: above(30) });
    expect(made).toMatchObject({
      name: 'warm',
      enabled: true,
      scope: { kind: 'all' },
      condition: { ...above(30), forSeconds: 0 },
      channels: [],
      silencedUntil: null,
      firing: 0,
      pending: 0,
      version: 1,
    });
    const read = await rig.call('GET', `/alert-rules/${made.id}`);
    expect(read.headers.get('etag')).toBe('"1"');
    expect(await read.json()).toEqual(made);
    const changed = await rig.call(
      'PATCH',
      `/alert-rules/${made.id}`,
      { name: 'hot' },
      { 'if-match': '"1"' },
    );
    expect(await changed.json()).toMatchObject({ name: 'hot', version: 2 });
    const again = await rig.call('PATCH', `/alert-rules/${made.id}`, { name: 'hot' });
    expect(again.headers.get('etag')).toBe('"2"');
    const stale = await rig.call('DELETE', `/alert-rules/${made.id}`, undefined, { 'if-match': '"1"' });
    expect(stale.status).toBe(412);
    const list = (await (await rig.call('GET', '/alert-rules')).json()) as { items: { id: string }[] };
    expect(list.items.map(({ id }) => id)).toContain(made.id);
    expect((await rig.call('DELETE', `/alert-rules/${made.id}`)).status).toBe(204);
    expect((await rig.call('GET', `/alert-rules/${made.id}`)).status).toBe(404);
    const audit = await auditOf(rig.stack, made.id);
    expect(audit.map(({ action }) => action)).toEqual([
      'alert_rule.created',
      'alert_rule.changed',
      'alert_rule.deleted',
    ]);
    expect(audit[1]).toMatchObject({ before: { name: 'warm' }, after: { name: 'hot' } });
  });

  test.each([
    ['/name', { name: '' }],
    ['/scope/device', { scope: { kind: 'device', device: randomUUID() } }],
    ['/scope/tag', { scope: { kind: 'tag', tag: '' } }],
    ['/channels', { channels: [randomUUID()] }],
    ['/condition/clear', { condition: above(30, { clear: 31 }) }],
    ['/condition/forSeconds', { condition: above(30, { forSeconds: -1 }) }],
    ['/condition/seconds', { condition: { kind: 'missing', seconds: 29 } }],
    ['/condition/connects', { condition: { kind: 'flapping', connects: 1, minutes: 5 } }],
    ['/condition/minutes', { condition: { kind: 'lost', count: 1, minutes: 0 } }],
    ['/condition/kind', { condition: { kind: 'other' } }],
    ['/more', { more: 1 }],
  ])('with an invalid %s is refused, and the value named', async (field, given) => {
    const body = { name: 'a rule', scope: { kind: 'all' }, condition: above(30), ...given };
    const response = await rig.call('POST', '/alert-rules', body);
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({ errors: [{ field }] });
  });

  test.each([
    ['PATCH', ''],
    ['DELETE', ''],
    ['PUT', '/silence'],
    ['GET', '/states'],
  ])('that does not exist answers 404 to %s %s', async (method, path) => {
    const body = { PATCH: { name: 'x' }, PUT: { until: null } }[method];
    expect((await rig.call(method, `/alert-rules/${randomUUID()}${path}`, body)).status).toBe(404);
  });

  test('starts over when its condition changes, it is disabled or deleted: its alerts are resolved', async () => {
    const device = await rig.startDevice();
    const scope = { kind: 'device', device: device.uuid };
    const { id } = await rig.addRule({ scope, condition: above(30) });
    const path = `/alert-rules/${id}`;
    await device.send({ temperature: 50 });
    await rig.alertsAre(device.uuid, ['firing']);
    await rig.call('PATCH', path, { name: 'renamed', channels: [] });
    await rig.alertsAre(device.uuid, ['firing']);
    await rig.call('PATCH', path, { condition: above(40) });
    expect((await rig.alertsAre(device.uuid, ['resolved']))[0]?.resolution).toBe('rule_changed');
    await device.send({ temperature: 50 });
    await rig.alertsAre(device.uuid, ['firing', 'resolved']);
    await rig.call('PATCH', path, { enabled: false });
    expect((await rig.alertsAre(device.uuid, ['resolved', 'resolved']))[0]?.resolution).toBe('rule_disabled');
    await device.send({ temperature: 50 });
    await rig.call('PATCH', path, { enabled: true });
    expect(await rig.alerts({ device: device.uuid, state: 'firing' })).toEqual([]);
    await device.send({ temperature: 50 });
    await rig.alertsAre(device.uuid, ['firing', 'resolved', 'resolved']);
    await rig.call('DELETE', path);
    const [last] = await rig.alertsAre(device.uuid, ['resolved', 'resolved', 'resolved']);
    expect(last).toMatchObject({ resolution: 'rule_deleted', rule: { id: null, name: 'renamed' } });
  });

  test('that watches other devices from now on resolves the alerts of those before', async () => {
    const [one, other] = [await rig.startDevice(), await rig.startDevice()];
    const { id } = await rig.addRule({ scope: { kind: 'device', device: one.uuid }, condition: above(30) });
    await one.send({ temperature: 50 });
    await rig.alertsAre(one.uuid, ['firing'], id);
    await rig.call('PATCH', `/alert-rules/${id}`, { scope: { kind: 'device', device: other.uuid } });
    expect((await rig.alertsAre(one.uuid, ['resolved'], id))[0]?.resolution).toBe('out_of_scope');
    await other.send({ temperature: 50 });
    await rig.alertsAre(other.uuid, ['firing'], id);
  });

  test('lists how it stands for its devices, page by page', async () => {
    const { id } = await rig.addRule({ condition: above(1_000) });
    await rig.stack.sql`
      insert into alert_states (rule_id, device_id, state, since, value)
      select ${id}, gen_random_uuid(), 'ok', now(), at from generate_series(1, 5) as at`;
    const devices: string[] = [];
    for (let next: string | null = ''; next !== null; ) {
      const response = await rig.call('GET', `/alert-rules/${id}/states?limit=2${next && `&cursor=${next}`}`);
      const page = (await response.json()) as { items: { device: string }[]; next: string | null };
      devices.push(...page.items.map(({ device }) => device));
      next = page.next;
    }
    expect(devices).toHaveLength(5);
    expect(devices).toEqual(devices.toSorted());
  });

  test('is one of at most 200', async () => {
    await rig.stack.sql`
      insert into alert_rules (name, enabled, scope_kind, kind, condition, created_by)
      select 'filler', false, 'all', 'offline', '{"kind":"offline","seconds":1}', 'test'
      from generate_series(1, ${MAX_ALERT_RULES})`;
    const body = { name: 'one too many', scope: { kind: 'all' }, condition: above(30) };
    expect((await rig.call('POST', '/alert-rules', body)).status).toBe(409);
    await rig.stack.sql`delete from alert_rules where name = 'filler'`;
  });

  test('a viewer reads it and tries others, but changes nothing', async () => {
    const viewer = await createApiKey(rig.stack, 'viewer');
    const { id } = await rig.addRule({ condition: above(30) });
    const by = (method: string, path: string, body?: unknown) =>
      callApi(rig.stack, viewer, method, path, {
        headers: { 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    expect((await by('GET', `/alert-rules/${id}`)).status).toBe(200);
    expect((await by('PATCH', `/alert-rules/${id}`, { name: 'x' })).status).toBe(403);
    const preview = { scope: { kind: 'all' }, condition: above(30) };
    expect((await by('POST', '/alert-rules/preview', preview)).status).toBe(200);
    expect((await by('POST', '/alert-rules/preview', { scope: { kind: 'all' } })).status).toBe(422);
  });
});
