import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { arrayLiteral } from '../src/platform/db/array-literal.ts';
import { until } from './harness.ts';
import { startTelemetryRig, type TelemetryRig } from './telemetry-rig.ts';

let rig: TelemetryRig;

beforeEach(async () => {
  rig = await startTelemetryRig();
}, 60_000);
afterEach(() => rig.close(), 30_000);

const DEVICES = 20;

/** Sends numbers 1, 2, 3 … from each of the devices for as long as `faults` goes on, then waits for what was sent. */
async function sendThrough(ids: readonly string[], faults: () => Promise<void>, body: (n: number) => object) {
  const client = await rig.publisher();
  let over = false;
  let sent = 0;
  const sending = (async () => {
    while (!over) {
      sent++;
      await Promise.all(ids.map((id) => rig.send(client, id, [body(sent)])));
      await Bun.sleep(10);
    }
  })();
  try {
    await faults();
  } finally {
    over = true;
    await sending;
  }
  let stored = 0;
  await until(
    () => `all ${sent} of ${ids.length} devices are stored: ${stored} records are`,
    async () => {
      stored = await count(ids);
      return stored >= sent * ids.length;
    },
    60_000,
  );
  return sent;
}

async function count(ids: readonly string[]): Promise<number> {
  const [row] = await rig.sql<{ n: number }[]>`
    select count(*)::int as n from telemetry join telemetry_devices on key = device where device_id = any(${arrayLiteral(ids)}::uuid[])`;
  return row?.n ?? 0;
}

function someDevices(): string[] {
  return Array.from({ length: DEVICES }, () => randomUUID());
}

async function expectEachOnceInOrder(ids: readonly string[], sent: number): Promise<void> {
  const expected = Array.from({ length: sent }, (_, i) => i + 1);
  for (const id of ids) expect((await rig.records(id)).map(({ i }) => i)).toEqual(expected);
}

/** Without the device's own numbers: what tells messages apart is the session's packet ids. */
const unnumbered = (i: number) => ({ i });
const numbered = (i: number) => ({ i, b: 99, n: i });

describe('every message is stored exactly once and in order', () => {
  test.each([
    ['numbered', numbered],
    ['not numbered', unnumbered],
  ])(
    'while the connection to the broker is cut again and again (%s)',
    async (_, body) => {
      const instance = await rig.start();
      await instance.online();
      const ids = someDevices();
      const sent = await sendThrough(
        ids,
        async () => {
          for (let cut = 0; cut < 8; cut++) {
            await Bun.sleep(40);
            instance.mqttProxy.cut();
            await instance.online();
          }
        },
        body,
      );
      await expectEachOnceInOrder(ids, sent);
    },
    90_000,
  );

  test.each([
    ['numbered', numbered],
    ['not numbered', unnumbered],
  ])(
    'while connections to the database are cut again and again, in the middle of commits too (%s)',
    async (_, body) => {
      const instance = await rig.start();
      await instance.online();
      const ids = someDevices();
      const sent = await sendThrough(
        ids,
        async () => {
          for (let cut = 0; cut < 15; cut++) {
            await Bun.sleep(20 + cut);
            instance.databaseProxy.cut();
          }
        },
        body,
      );
      await expectEachOnceInOrder(ids, sent);
    },
    90_000,
  );

  test('when a batch is tried again and again, what cannot be stored is kept as if it were the first time', async () => {
    await rig.sql.unsafe(`
      create sequence attempts;
      create function fail_at_first() returns trigger language plpgsql as $$
      begin
        if nextval('attempts') <= 3 then raise exception 'not yet' using errcode = '53200'; end if;
        return null;
      end $$;
      create trigger fail_at_first before insert on telemetry_rejects execute function fail_at_first();`);
    await (await rig.start()).online();
    const id = randomUUID();
    await rig.send(await rig.publisher(), id, Array(70).fill('no json'));
    await until('all are counted', async () => (await rig.account(id))?.rejected === 70);
    const [kept] = await rig.sql`select count(*)::int as n from telemetry_rejects where device_id = ${id}`;
    expect(kept?.n).toBe(60);
  });

  test('when processing records of a device always takes too long, they are stored first and set aside for later', async () => {
    const [slow, other] = [randomUUID(), randomUUID()];
    const setAside: string[] = [];
    const instance = await rig.start({
      handlers: {
        records: async (tx, records) => {
          if (!records.some(({ deviceId }) => deviceId === slow)) return;
          await tx.execute(sql`set local statement_timeout = 10`);
          await tx.execute(sql`select pg_sleep(10)`);
        },
        skipped: async (_, records) => void setAside.push(...records.map(({ deviceId }) => deviceId)),
      },
    });
    await instance.online();
    const client = await rig.publisher();
    const numbers = [{ i: 1 }, { i: 2 }];
    await Promise.all([rig.send(client, slow, numbers), rig.send(client, other, numbers)]);
    await until('all are stored', async () => (await count([slow, other])) === 4);
    await expectEachOnceInOrder([slow, other], 2);
    expect(setAside.filter((deviceId) => deviceId === slow)).toHaveLength(2);
  });

  test('when the database is too slow for all that waits, less is stored at once', async () => {
    await rig.sql.unsafe(`
      create function cancel_large() returns trigger language plpgsql as $$
      begin
        if (select count(*) from inserted) > 20 then raise exception 'too slow' using errcode = '57014'; end if;
        return null;
      end $$;
      create trigger cancel_large after insert on telemetry
        referencing new table as inserted for each statement execute function cancel_large();`);
    await (await rig.start()).online();
    const id = randomUUID();
    await rig.send(
      await rig.publisher(),
      id,
      Array.from({ length: 50 }, (_, at) => ({ i: at + 1 })),
    );
    await until('all are stored', async () => (await count([id])) === 50);
    await expectEachOnceInOrder([id], 50);
  }, 60_000);

  test('while the database is away: nothing is acknowledged, memory is bounded, all is stored afterwards', async () => {
    const instance = await rig.start();
    await instance.online();
    const ids = someDevices();
    let before = 0;
    const sent = await sendThrough(
      ids,
      async () => {
        await instance.databaseProxy.refuse();
        before = await count(ids);
        await until('messages wait', () => instance.telemetry.waiting() >= 1_000);
        expect(await count(ids)).toBe(before);
        await Bun.sleep(500);
        // What the broker keeps in flight, not what is sent.
        expect(instance.telemetry.waiting()).toBeLessThanOrEqual(2_048);
        await instance.databaseProxy.pass();
      },
      unnumbered,
    );
    await expectEachOnceInOrder(ids, sent);
  }, 90_000);

  test.each([
    ['numbered', numbered],
    ['not numbered', unnumbered],
  ])(
    'while the session changes hands between three instances (%s)',
    async (_, body) => {
      let holder = await rig.start();
      await holder.online();
      const ids = someDevices();
      const sent = await sendThrough(
        ids,
        async () => {
          for (let change = 0; change < 4; change++) {
            const next = await rig.start();
            await Bun.sleep(50);
            expect(next.telemetry.state()).toBe('standby');
            await holder.close();
            await next.online();
            holder = next;
          }
        },
        body,
      );
      await expectEachOnceInOrder(ids, sent);
    },
    90_000,
  );

  test('when the holder of the session is killed: the next one does not wait for the end of its term', async () => {
    const first = await rig.start();
    await first.online();
    const second = await rig.start();
    const ids = someDevices();
    const sent = await sendThrough(
      ids,
      async () => {
        // What the others see of it: all of its connections end.
        await Promise.all([first.databaseProxy.refuse(), first.mqttProxy.refuse()]);
        await rig.sql`update leases set expires_at = now() + interval '1 hour' where name = 'ingest'`;
        await second.online();
      },
      unnumbered,
    );
    await expectEachOnceInOrder(ids, sent);
  }, 90_000);

  test('when an instance loses the database but not the broker, and another one takes over', async () => {
    const first = await rig.start();
    await first.online();
    const second = await rig.start();
    const ids = someDevices();
    const sent = await sendThrough(
      ids,
      async () => {
        await Bun.sleep(100);
        first.databaseProxy.stall();
        // By the end of the lease: nobody told the second one.
        await until(
          () => `the second takes over: it is ${second.telemetry.state()}`,
          () => second.telemetry.state() === 'online',
          30_000,
        );
        await Bun.sleep(200);
        await first.databaseProxy.pass();
        await until(
          () => `the first stands by: it is ${first.telemetry.state()}`,
          () => first.telemetry.state() === 'standby',
          30_000,
        );
        await second.online();
      },
      unnumbered,
    );
    await expectEachOnceInOrder(ids, sent);
  }, 120_000);

  test.each([
    ['numbered', numbered],
    ['not numbered', unnumbered],
  ])(
    'when a commit is done and the answer to it never comes (%s)',
    async (_, body) => {
      let armed = true;
      const instance = await rig.start({
        handlers: {
          // The last statement before COMMIT.
          records: async () => {
            if (armed) instance.databaseProxy.holdAnswers();
            armed = false;
          },
        },
      });
      await instance.online();
      const ids = someDevices();
      const client = await rig.publisher();
      await Promise.all(ids.map((id) => rig.send(client, id, [body(1)])));
      await until('the commit is done', async () => (await count(ids)) > 0);
      const committed = await count(ids);
      instance.databaseProxy.cut();
      await instance.databaseProxy.pass();
      await Promise.all(ids.map((id) => rig.send(client, id, [body(2)])));
      await until('all are stored', async () => (await count(ids)) >= 2 * DEVICES);
      expect(committed).toBeGreaterThan(0);
      await expectEachOnceInOrder(ids, 2);
    },
    60_000,
  );
});
