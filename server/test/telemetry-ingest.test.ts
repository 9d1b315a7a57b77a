import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import type { BatchHandlers } from '../src/telemetry/ingest/batch-store.ts';
import { shiftedClock } from './clocks.ts';
import { until } from './harness.ts';
import { type Instance, loseIngestSession, startTelemetryRig, type TelemetryRig } from './telemetry-rig.ts';

let rig: TelemetryRig;
let instance: Instance;
const clock = shiftedClock();
const seen: { replies: unknown[]; fail: boolean } = { replies: [], fail: false };

const handlers: BatchHandlers = {
  records: async (_, records) => {
    if (records.some(({ body }) => body.breaksHandler)) throw new Error('a defect of another feature');
  },
  replies: async (_, replies) => {
    seen.replies.push(...replies.map(({ deviceId, body }) => ({ deviceId, body })));
  },
};

beforeAll(async () => {
  rig = await startTelemetryRig({ clock });
  instance = await rig.start({ handlers });
  await instance.online();
}, 60_000);
afterAll(() => rig.close(), 30_000);

function dealtWith(deviceId: string, count: number): Promise<void> {
  return until(`${count} messages of the device are dealt with`, async () => {
    const account = await rig.account(deviceId);
    return account !== undefined && account.stored + account.repeated + account.rejected >= count;
  });
}

function numbered(from: number, to: number, boot = 7): { b: number; n: number }[] {
  return Array.from({ length: to - from + 1 }, (_, i) => ({ b: boot, n: from + i }));
}

describe('what a device sends', () => {
  test('is stored as it was sent, in order', async () => {
    const id = randomUUID();
    const bodies = Array.from({ length: 1_200 }, (_, i) => ({
      temp: 20.5 + i,
      on: true,
      text: `"ü\\{},'\u0001\n`,
    }));
    await rig.send(await rig.publisher(), id, bodies);
    await dealtWith(id, bodies.length);
    expect(await rig.records(id)).toEqual(bodies);
    expect(await rig.account(id)).toEqual({ stored: 1_200, lost: 0, repeated: 0, rejected: 0 });
  });

  test('has the time of measurement and the time of receipt', async () => {
    const id = randomUUID();
    const ts = Date.now() - 3_600_000;
    await rig.send(await rig.publisher(), id, [{ ts }, {}]);
    await dealtWith(id, 2);
    const rows = await rig.sql<{ at: string; received: string }[]>`
      select (extract(epoch from at) * 1000000)::bigint as at, (extract(epoch from received) * 1000000)::bigint as received
      from telemetry join telemetry_devices on key = device where device_id = ${id} order by received`;
    expect(rows[0]?.at).toBe(String(ts * 1_000));
    expect(Number(rows[0]?.received)).toBeGreaterThan((ts + 3_600_000) * 1_000 - 1);
    expect(rows[1]?.at).toBe(rows[1]?.received ?? '');
  });

  test('is stored once when it is numbered and sent again, and missing numbers are counted until they arrive', async () => {
    const id = randomUUID();
    const client = await rig.publisher();
    await rig.send(client, id, [...numbered(1, 3), ...numbered(2, 3), ...numbered(6, 8)]);
    await dealtWith(id, 8);
    expect(await rig.account(id)).toEqual({ stored: 6, lost: 2, repeated: 2, rejected: 0 });
    await rig.send(client, id, numbered(4, 8));
    await dealtWith(id, 13);
    expect(await rig.account(id)).toEqual({ stored: 8, lost: 0, repeated: 5, rejected: 0 });
    expect((await rig.records(id)).map(({ n }) => n).sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test('is acknowledged up to the last number before a gap', async () => {
    const id = randomUUID();
    const client = await rig.publisher();
    const acknowledgements = () =>
      rig.sent.filter(({ topic }) => topic === `device/${id}/ack`).map(({ payload }) => JSON.parse(payload));
    await rig.send(client, id, numbered(1, 3));
    await until('the records are acknowledged', () => acknowledgements().length > 0);
    await rig.send(client, id, numbered(5, 5));
    await dealtWith(id, 4);
    await rig.send(client, id, [...numbered(4, 4), ...numbered(6, 6)]);
    await until('the last is acknowledged', () => acknowledgements().some(({ n }) => n === 6));
    expect(acknowledgements().at(-1)).toEqual({ b: 7, n: 6 });
    expect(acknowledgements().map(({ n }) => n)).not.toContain(5);
  });

  test('is acknowledged past a gap once the device has sent what it has three times without it, at any instance', async () => {
    const id = randomUUID();
    const client = await rig.publisher();
    const acknowledged = () => {
      const acks = rig.sent.filter(({ topic }) => topic === `device/${id}/ack`);
      return Math.max(...acks.map(({ payload }) => Number(JSON.parse(payload).n)));
    };
    let sent = 0;
    const send = async (numbers: readonly { n: number }[]) => {
      await rig.send(client, id, numbers);
      sent += numbers.length;
      await dealtWith(id, sent);
    };
    await send(numbered(1, 3));
    for (let pass = 0; pass < 3; pass++) {
      await send(numbered(6, 8));
      clock.shift(30_000);
      expect(acknowledged()).toBe(3);
    }
    await send(numbered(6, 8));
    await until('the records behind the gap are acknowledged', () => acknowledged() === 8);
    await instance.close();
    instance = await rig.start({ handlers });
    await send(numbered(9, 9));
    await until('the next instance has not forgotten it', () => acknowledged() === 9);
    // A record that was given up is taken all the same.
    await send(numbered(4, 4));
    expect(await rig.account(id)).toEqual({ stored: 8, lost: 1, repeated: 9, rejected: 0 });
  }, 30_000);

  test('that cannot be stored is counted with its reason and kept, and holds up nothing', async () => {
    const id = randomUUID();
    const bodies = [
      '[]',
      'no json',
      { fine: 1 },
      '{"a":"\\u0000"}',
      `{"a":"${'x'.repeat(5_000)}"}`,
      { fine: 2 },
    ];
    await rig.send(await rig.publisher(), id, bodies);
    await dealtWith(id, bodies.length);
    expect(await rig.records(id)).toEqual([{ fine: 1 }, { fine: 2 }]);
    expect((await rig.account(id))?.rejected).toBe(4);
    const rejects = await rig.sql`
      select reason, payload_bytes, length(payload) as kept from telemetry_rejects where device_id = ${id} order by id`;
    expect([...rejects]).toEqual([
      { reason: 'not_an_object', payload_bytes: 2, kept: 2 },
      { reason: 'not_json', payload_bytes: 7, kept: 7 },
      { reason: 'bad_text', payload_bytes: 14, kept: 14 },
      { reason: 'too_large', payload_bytes: 5_008, kept: 4_096 },
    ]);
  });

  test('that the database refuses is kept aside, and the rest of its batch is stored', async () => {
    const id = randomUUID();
    await rig.sql`
      create function refuse_poison() returns trigger language plpgsql as
      $$begin if new.data ? 'poison' then raise exception 'poison' using errcode = '22000'; end if; return new; end$$`;
    await rig.sql`create trigger poison before insert on telemetry for each row execute function refuse_poison()`;
    try {
      const bodies = Array.from({ length: 300 }, (_, i) => (i % 100 === 50 ? { poison: i } : { i }));
      await rig.send(await rig.publisher(), id, bodies);
      await dealtWith(id, 300);
      expect(await rig.account(id)).toEqual({ stored: 297, lost: 0, repeated: 0, rejected: 3 });
      expect((await rig.records(id)).map(({ i }) => i)).toEqual(
        bodies.flatMap((body) => ('i' in body ? [body.i] : [])),
      );
      const rejects = await rig.sql`select reason from telemetry_rejects where device_id = ${id}`;
      expect(rejects.map(({ reason }) => reason)).toEqual(Array(3).fill('refused_by_database'));
    } finally {
      await rig.sql`drop trigger poison on telemetry`;
    }
  });

  test('is stored although another feature fails at it', async () => {
    const id = randomUUID();
    const bodies = [{ i: 1 }, { breaksHandler: true }, { i: 2 }];
    await rig.send(await rig.publisher(), id, bodies);
    await dealtWith(id, 3);
    expect(await rig.records(id)).toEqual(bodies);
  });

  test('on its reply topic reaches the feature that asked', async () => {
    const id = randomUUID();
    const client = await rig.publisher();
    const body = { i: 'k3V9x2', c: 'OK' };
    await client.publishAsync(`device/${id}/reply`, JSON.stringify(body), { qos: 1 });
    await until('the reply arrives', () => seen.replies.length > 0);
    expect(seen.replies).toEqual([{ deviceId: id, body }]);
  });

  test('about itself replaces what it said before', async () => {
    const id = randomUUID();
    const client = await rig.publisher();
    const about = (document: object) =>
      client.publishAsync(`device/${id}/about`, JSON.stringify(document), { qos: 1 });
    await about({ fw: '1.3.0', board: 'esp32' });
    await about({
      fw: '1.4.0',
      f: { temp: { u: '°C', k: 'temperature' } },
      cmd: { LED: { on: 'bool' } },
    });
    const read = () => rig.sql`
      select firmware, board, library, fields, commands from device_about where device_id = ${id}`;
    await until('the second is stored', async () => (await read())[0]?.firmware === '1.4.0');
    expect([...(await read())]).toEqual([
      {
        firmware: '1.4.0',
        board: null,
        library: null,
        fields: { temp: { u: '°C', k: 'temperature' } },
        commands: { LED: { on: 'bool' } },
      },
    ]);
  });

  test('about another firmware is in the audit log, at most 20 times a day', async () => {
    const id = randomUUID();
    const client = await rig.publisher();
    const say = async (document: { fw: string; board: string; reset?: string }) => {
      await client.publishAsync(`device/${id}/about`, JSON.stringify(document), { qos: 1 });
      await until('it is stored', async () => {
        const [row] = await rig.sql`
          select firmware, reset_reason as reset from device_about where device_id = ${id}`;
        return row?.firmware === document.fw && row.reset === (document.reset ?? null);
      });
    };
    await say({ fw: '1.3.0', board: 'esp32' });
    await say({ fw: '1.3.0', board: 'esp32', reset: 'power on' });
    await say({ fw: '1.4.0', board: 'esp32' });
    const changes = () => rig.sql`
      select actor_kind, actor, action, before, after from audit_log where subject = ${id} order by id`;
    expect([...(await changes())]).toEqual([
      {
        actor_kind: 'device',
        actor: id,
        action: 'device.firmware_changed',
        before: { firmware: '1.3.0', board: 'esp32', library: null },
        after: { firmware: '1.4.0', board: 'esp32', library: null },
      },
    ]);
    for (let version = 0; version < 22; version++) await say({ fw: `2.${version}.0`, board: 'esp32' });
    expect(await changes()).toHaveLength(20);
  });

  test('for a day without a partition is stored once there is one', async () => {
    const id = randomUUID();
    const ts = Date.now() - 3 * 86_400_000;
    const day = new Date(ts).toISOString().slice(0, 10).replaceAll('-', '');
    await rig.sql.unsafe(`drop table telemetry_${day}`);
    await rig.send(await rig.publisher(), id, [{ ts }, { i: 2 }]);
    await dealtWith(id, 2);
    expect(await rig.records(id)).toEqual([{ ts }, { i: 2 }]);
  });
});

test('a session that the broker lost is noted as a loss, and its packet ids do not hide new messages', async () => {
  const id = randomUUID();
  const client = await rig.publisher();
  await rig.send(client, id, [{ same: 1 }]);
  await dealtWith(id, 1);
  await loseIngestSession(rig);
  await until('the session is up again', async () => {
    const events = await rig.sql`select kind from ingest_events order by id`;
    return events.at(-1)?.kind === 'session_lost' && instance.telemetry.state() === 'online';
  });
  await rig.send(client, id, [{ same: 1 }]);
  await dealtWith(id, 2);
  expect((await rig.sql`select kind from ingest_events order by id`).map(({ kind }) => kind)).toEqual([
    'session_created',
    'session_lost',
  ]);
});
