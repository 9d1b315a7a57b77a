import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  spyOn,
  test,
} from 'bun:test';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import type postgres from 'postgres';
import { type Clock, systemClock } from '../src/platform/clock.ts';
import { registerDevice, type Stack, startStack, until } from './harness.ts';
import {
  ADMIN_ENV,
  type Answer,
  addApiKey,
  addOperator,
  type Browser,
  call,
  logIn,
  problemOf,
} from './operators.ts';

// Every step hashes a password, and the machine may be busy.
setDefaultTimeout(60_000);

const SILENCE_MS = 25_000;
const IDLE_SECONDS = 40;

let stack: Stack;
let admin: Browser;
/** What a silent body is given in place of `SILENCE_MS`. */
let silenceMs = SILENCE_MS;
/** By how much the clock by which durations are taken is ahead. */
let aheadMs = 0;
const timeouts: number[] = [];
const clock: Clock = {
  ...systemClock,
  monotonic: () => systemClock.monotonic() + aheadMs,
  setTimer: (callback, delayMs) =>
    systemClock.setTimer(callback, delayMs === SILENCE_MS ? silenceMs : delayMs),
};

beforeAll(async () => {
  const serve = Bun.serve.bind(Bun);
  const spy = spyOn(Bun, 'serve').mockImplementation((options) => {
    // So that a test need not wait for the 40 s. Bun looks every 4 s: with 4, it closes what was silent for no time at all.
    const server = serve(options.idleTimeout === IDLE_SECONDS ? { ...options, idleTimeout: 8 } : options);
    const timeout = server.timeout.bind(server);
    server.timeout = (request, seconds) => {
      timeouts.push(seconds);
      timeout(request, seconds);
    };
    return server;
  });
  stack = await startStack({ broker: false, env: ADMIN_ENV, clock });
  spy.mockRestore();
  admin = await logIn(stack);
}, 60_000);
beforeEach(() => timeouts.splice(0));
afterAll(() => stack.close());

const restore: (() => void)[] = [];
afterEach(() => {
  silenceMs = SILENCE_MS;
  for (const undo of restore.splice(0)) undo();
});

interface Socket {
  send(text: string): void;
  /** Status and body of the answer, once it is complete. */
  answer(): Promise<{ status: number; text: string }>;
  closed: Promise<unknown>;
  close(): void;
}

async function open(): Promise<Socket> {
  const socket = connect(Number(new URL(stack.url).port), '127.0.0.1');
  restore.push(() => socket.destroy());
  let text = '';
  socket.on('error', () => {});
  socket.on('data', (data) => {
    text += data.toString();
  });
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await once(socket, 'connect');
  return {
    send: (sent) => void socket.write(sent),
    async answer() {
      await until(
        () => `an answer, not ${text}`,
        () => /\r\n\r\n.*[}\n]$/s.test(text),
      );
      return { status: Number(text.split(' ')[1]), text };
    },
    closed,
    close: () => socket.destroy(),
  };
}

interface Sender {
  readonly headers: Readonly<Record<string, string>>;
  /** Resolves once the server has looked up the credential. */
  looked(): Promise<void>;
}

async function byKey(name: string): Promise<Sender & { readonly id: string }> {
  const { id, authorization } = await addApiKey(admin, { name, role: 'admin' });
  return {
    id,
    headers: { authorization },
    looked: () =>
      until('the key was looked up', async () => {
        const [row] = await stack.sql`select last_used_at from api_keys where id = ${id}`;
        return row?.last_used_at !== null;
      }),
  };
}

async function bySession(
  username: string,
): Promise<Sender & { readonly id: string; readonly browser: Browser }> {
  const { id, password } = await addOperator(admin, username, 'admin');
  const browser = await logIn(stack, { username, password });
  await stack.sql`update operator_sessions set last_used_at = last_used_at - interval '1 hour' where operator_id = ${id}`;
  return {
    id,
    browser,
    headers: {
      cookie: [...browser.cookies].map((pair) => pair.join('=')).join('; '),
      'sec-fetch-site': 'same-origin',
    },
    looked: () =>
      until('the session was looked up', async () => {
        const [row] =
          await stack.sql`select last_used_at > now() - interval '30 minutes' as used from operator_sessions where operator_id = ${id}`;
        return row?.used === true;
      }),
  };
}

interface Held {
  readonly path: string;
  readonly type?: string;
  readonly body: string;
}

/** Sends a request whose body is held after `shown` characters; `meanwhile` is done once it is authenticated; then comes the rest. */
async function held(
  { path, type = 'application/json', body }: Held,
  by: Sender,
  meanwhile: () => Promise<unknown>,
  { chunked = false, shown = 1 } = {},
): Promise<{ status: number; text: string }> {
  const socket = await open();
  const frame = (text: string) => (chunked ? `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n` : text);
  const head = {
    host: 'localhost',
    ...by.headers,
    'content-type': type,
    ...(chunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': `${Buffer.byteLength(body)}` }),
  };
  const lines = Object.entries(head).map((pair) => pair.join(': '));
  socket.send(
    `${[`POST /api/v1${path} HTTP/1.1`, ...lines].join('\r\n')}\r\n\r\n${frame(body.slice(0, shown))}`,
  );
  await by.looked();
  await meanwhile();
  socket.send(frame(body.slice(shown)) + (chunked ? '0\r\n\r\n' : ''));
  const answer = await socket.answer();
  socket.close();
  return answer;
}

const revoke = (id: string) => admin.call('DELETE', `/api-keys/${id}`);
const remove = (id: string) => admin.call('DELETE', `/operators/${id}`);
const demote = (id: string) => admin.call('PATCH', `/operators/${id}`, { role: 'viewer' });

const operatorsNamed = (username: string) => stack.sql`select 1 from operators where username = ${username}`;
const keysNamed = (name: string) => stack.sql`select 1 from api_keys where name = ${name}`;

function newOperator(username: string): Held {
  return {
    path: '/operators',
    body: JSON.stringify({ username, password: 'a password of many letters', role: 'admin' }),
  };
}

function newKey(name: string): Held {
  return { path: '/api-keys', body: JSON.stringify({ name, role: 'admin' }) };
}

describe('a body that is held until the rights of its sender are gone', () => {
  for (const chunked of [false, true]) {
    const how = chunked ? 'in chunks' : 'by content-length';

    test(`of a revoked key creates neither operator nor key, ${how}`, async () => {
      const one = await byKey(randomUUID());
      const operator = `held-${how.replaceAll(/\W/g, '')}`;
      const first = await held(newOperator(operator), one, () => revoke(one.id), { chunked });
      expect(first).toMatchObject({
        status: 401,
        text: expect.stringContaining('/problems/unauthenticated'),
      });
      expect(await operatorsNamed(operator)).toHaveLength(0);
      const other = await byKey(randomUUID());
      const name = randomUUID();
      expect((await held(newKey(name), other, () => revoke(other.id), { chunked })).status).toBe(401);
      expect(await keysNamed(name)).toHaveLength(0);
    });

    test(`of a removed operator creates neither operator nor key, ${how}`, async () => {
      const mark = chunked ? 'chunks' : 'length';
      const one = await bySession(`removed-one-${mark}`);
      const operator = `of-removed-${mark}`;
      expect((await held(newOperator(operator), one, () => remove(one.id), { chunked })).status).toBe(401);
      expect(await operatorsNamed(operator)).toHaveLength(0);
      const other = await bySession(`removed-other-${mark}`);
      const name = randomUUID();
      expect((await held(newKey(name), other, () => remove(other.id), { chunked })).status).toBe(401);
      expect(await keysNamed(name)).toHaveLength(0);
    });

    test(`of an operator who became a viewer creates no key, ${how}`, async () => {
      const one = await bySession(`demoted-${chunked ? 'chunks' : 'length'}`);
      const name = randomUUID();
      const answer = await held(newKey(name), one, () => demote(one.id), { chunked });
      expect(answer).toMatchObject({ status: 403, text: expect.stringContaining('/problems/forbidden') });
      expect(await keysNamed(name)).toHaveLength(0);
    });

    test(`shows no device keys and imports no devices, ${how}`, async () => {
      const id = randomUUID();
      const [one, other] = [await byKey(randomUUID()), await byKey(randomUUID())];
      const keys = { path: '/devices/keys', body: JSON.stringify({ devices: [{ id, role: 'agent' }] }) };
      const shown = await held(keys, one, () => revoke(one.id), { chunked });
      expect(shown.status).toBe(401);
      expect(shown.text).not.toContain(id);
      const devices = { path: '/devices/import', type: 'text/csv', body: `id,role\n${id},agent\n` };
      expect((await held(devices, other, () => revoke(other.id), { chunked })).status).toBe(401);
      expect(await stack.sql`select 1 from devices where id = ${id}`).toHaveLength(0);
    });
  }

  test('stores no more old records, and says so in the audit log', async () => {
    const { uuid } = await registerDevice(stack.url);
    const by = await byKey(randomUUID());
    const line = (second: number) =>
      `${JSON.stringify({ at: new Date(Date.now() - second * 1_000).toISOString(), data: { n: second } })}\n`;
    const records = {
      path: `/devices/${uuid}/telemetry/import`,
      type: 'application/x-ndjson',
      body: line(1) + line(2),
    };
    const answer = await held(records, by, () => revoke(by.id), { shown: line(1).length });
    expect(answer).toMatchObject({ status: 401, text: expect.stringContaining('/problems/unauthenticated') });
    const [entry] =
      await stack.sql`select after from audit_log where action = 'telemetry.imported' and subject = ${uuid}`;
    expect(entry?.after).toMatchObject({ imported: 0, isComplete: false });
  });

  test.each([
    ['devices', () => '/devices/import'],
    ['old records', (uuid: string) => `/devices/${uuid}/telemetry/import`],
  ])('and then goes on bit by bit is not read to its end: %s', async (_, pathOf) => {
    const { uuid } = await registerDevice(stack.url);
    const by = await byKey(randomUUID());
    const socket = await open();
    const head = ['host: localhost', `authorization: ${by.headers.authorization}`, 'content-type: text/csv'];
    socket.send(
      `POST /api/v1${pathOf(uuid)} HTTP/1.1\r\n${head.join('\r\n')}\r\ncontent-length: 1000\r\n\r\na`,
    );
    await by.looked();
    await revoke(by.id);
    let answered = false;
    const answer = socket.answer().finally(() => {
      answered = true;
    });
    // Of the bytes that arrive together, the server may take the first when it has just admitted the sender.
    await until('it is answered', () => {
      aheadMs += 1_000;
      if (!answered) socket.send('t');
      return answered;
    });
    expect((await answer).status).toBe(401);
    await socket.closed;
  });

  test('is taken from who keeps them', async () => {
    const by = await byKey(randomUUID());
    const name = randomUUID();
    expect((await held(newKey(name), by, async () => {}, { chunked: true, shown: 10 })).status).toBe(201);
    const id = randomUUID();
    const devices = { path: '/devices/import', type: 'text/csv', body: `id,role\n${id},agent\n` };
    const answer = await held(devices, by, async () => {});
    expect(answer).toMatchObject({ status: 200, text: expect.stringContaining('"created":1') });
    // Afterwards its connection may not be silent for longer than others.
    expect(timeouts.slice(-2)).toEqual([0, IDLE_SECONDS]);
  });
});

describe('rights that are taken away while a request is carried out', () => {
  /** Holds back a change of the database until the request waits for it. */
  async function during(
    change: (tx: postgres.TransactionSql) => Promise<unknown>,
    request: () => Promise<Answer>,
  ): Promise<Answer> {
    let answer: Promise<Answer> | undefined;
    await stack.sql.begin(async (tx) => {
      await change(tx);
      answer = request();
      await until('the request waits for the change', async () => {
        const rows = await stack.sql`
          select 1 from pg_stat_activity
          where datname = current_database() and pid <> pg_backend_pid() and wait_event_type = 'Lock'`;
        return rows.length > 0;
      });
    });
    if (!answer) throw new Error('nothing was requested');
    return await answer;
  }

  test('a removed operator creates no key', async () => {
    const { id, browser } = await bySession('removed-in-race');
    const answer = await during(
      (tx) => tx`delete from operators where id = ${id}`,
      () => browser.call('POST', '/api-keys', { name: 'of removed-in-race', role: 'admin' }),
    );
    expect(problemOf(answer)).toMatchObject({ status: 401, type: '/problems/unauthenticated' });
  });

  test('an operator who becomes a viewer creates no key', async () => {
    const { id, browser } = await bySession('demoted-in-race');
    const answer = await during(
      (tx) => tx`update operators set role = 'viewer' where id = ${id}`,
      () => browser.call('POST', '/api-keys', { name: 'of demoted-in-race', role: 'admin' }),
    );
    expect(problemOf(answer)).toMatchObject({ status: 403, type: '/problems/forbidden' });
    expect(await keysNamed('of demoted-in-race')).toHaveLength(0);
  });

  test('an operator who becomes a viewer does not become an administrator again by themselves', async () => {
    const { id, browser } = await bySession('promoted-in-race');
    const answer = await during(
      (tx) => tx`update operators set role = 'viewer' where id = ${id}`,
      () => browser.call('PATCH', `/operators/${id}`, { role: 'admin' }),
    );
    expect(problemOf(answer)).toMatchObject({ status: 403, type: '/problems/forbidden' });
    expect(await stack.sql`select role from operators where id = ${id}`).toMatchObject([{ role: 'viewer' }]);
  });

  test('a revoked key creates no key', async () => {
    const { id, headers } = await byKey(randomUUID());
    const answer = await during(
      (tx) => tx`delete from api_keys where id = ${id}`,
      () => call(stack, 'POST', '/api-keys', { name: 'of the revoked', role: 'admin' }, headers),
    );
    expect(problemOf(answer).status).toBe(401);
    expect(await keysNamed('of the revoked')).toHaveLength(0);
  });

  test.each([
    ['operator', (operator: string) => `/operators/${operator}`],
    ['session', (operator: string) => `/operators/${operator}/sessions`],
    ['API key', (_: string, key: string) => `/api-keys/${key}`],
  ])('a removed operator takes no %s away', async (what, pathOf) => {
    const mark = what.toLowerCase().replaceAll(' ', '-');
    const other = await bySession(`stays-with-${mark}`);
    const key = await byKey(`stays-with-${mark}`);
    const { id, browser } = await bySession(`removed-with-${mark}`);
    const answer = await during(
      (tx) => tx`delete from operators where id = ${id}`,
      () => browser.call('DELETE', pathOf(other.id, key.id)),
    );
    expect(problemOf(answer)).toMatchObject({ status: 401, type: '/problems/unauthenticated' });
    expect((await other.browser.call('GET', '/session')).status).toBe(200);
    expect((await call(stack, 'GET', '/devices', undefined, key.headers)).status).toBe(200);
  });

  test.each([
    ['is removed', 401, (id: string) => remove(id)],
    ['becomes a viewer', 403, (id: string) => demote(id)],
    ['is logged out', 401, (id: string) => admin.call('DELETE', `/operators/${id}/sessions`)],
  ])('an operator who %s adds no operator', async (how, status, change) => {
    const mark = how.replaceAll(' ', '-');
    const { id, browser } = await bySession(`adding-${mark}`);
    const hash = Bun.password.hash.bind(Bun.password);
    const hashing = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const spy = spyOn(Bun.password, 'hash').mockImplementation(async (...args) => {
      hashing.resolve();
      await goOn.promise;
      return await hash(...args);
    });
    restore.push(() => spy.mockRestore());
    const { path, body } = newOperator(`added-${mark}`);
    const answer = browser.call('POST', path, body);
    await hashing.promise;
    expect((await change(id)).status).toBeLessThan(300);
    goOn.resolve();
    expect(problemOf(await answer).status).toBe(status);
    expect(await operatorsNamed(`added-${mark}`)).toHaveLength(0);
  });
});

describe('a connection', () => {
  test.each([['GET'], ['POST']])('of a %s without a credential is not kept for an import', async (method) => {
    const socket = await open();
    socket.send(`${method} /api/v1/devices/import HTTP/1.1\r\nhost: localhost\r\n\r\n`);
    expect((await socket.answer()).status).toBe(401);
    await socket.closed;
    expect(timeouts).toEqual([]);
  });

  test('of a viewer is not kept for an import', async () => {
    const { authorization } = await addApiKey(admin, { name: 'a viewer', role: 'viewer' });
    const answer = await call(stack, 'POST', '/devices/import', 'id,role\n', {
      authorization,
      'content-type': 'text/csv',
    });
    expect(problemOf(answer).status).toBe(403);
    expect(timeouts).toEqual([]);
  });

  const silent = [
    ['/devices/import', 'text/csv'],
    ['/devices/actions', 'application/json'],
    ['/devices/keys', 'application/json'],
    ['/operators', 'application/json'],
    ['/session', 'application/json'],
  ] as const;
  test.each(silent)('whose body for %s stays away is closed', async (path, type) => {
    silenceMs = 100;
    const { headers } = await byKey(randomUUID());
    const socket = await open();
    const lines = Object.entries({
      host: 'localhost',
      ...headers,
      'content-type': type,
      'content-length': '9',
    });
    socket.send(
      `POST /api/v1${path} HTTP/1.1\r\n${lines.map((pair) => pair.join(': ')).join('\r\n')}\r\n\r\n{`,
    );
    expect(await socket.answer()).toMatchObject({ status: 400, text: expect.stringContaining('25 s') });
    await socket.closed;
  });

  test('whose old records stay away is closed', async () => {
    silenceMs = 100;
    const { uuid } = await registerDevice(stack.url);
    const { headers } = await byKey(randomUUID());
    const socket = await open();
    socket.send(
      `POST /api/v1/devices/${uuid}/telemetry/import HTTP/1.1\r\nhost: localhost\r\nauthorization: ${headers.authorization}\r\ncontent-type: text/csv\r\ncontent-length: 9\r\n\r\nat`,
    );
    expect((await socket.answer()).status).toBe(422);
    await socket.closed;
  });
});
