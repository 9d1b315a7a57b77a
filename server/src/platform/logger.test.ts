import { describe, expect, test } from 'bun:test';
import { Writable } from 'node:stream';
import { DrizzleQueryError } from 'drizzle-orm';
import { recordingLog } from '../../test/logs.ts';
import { createLogger, describeError, featureLogger } from './logger.ts';

const SECRET = 'a-very-secret-value';

describe('the logger', () => {
  test.each([
    'authorization',
    'cookie',
    'credential',
    'password',
    'secret',
    'token',
    'key',
    'apiSecret',
    'jwtSecret',
  ])('never writes a field named %s, at the top or one level down', (name) => {
    const { log, text } = recordingLog();
    log.info({ [name]: SECRET, nested: { [name]: SECRET } }, 'message');
    featureLogger(log, 'Auth').info({ headers: { [name]: SECRET } }, 'message');
    expect(text()).not.toContain(SECRET);
    expect(text().match(/\[redacted\]/g)).toHaveLength(3);
  });

  test('marks lines with their feature and writes one JSON object a line', () => {
    const { log, lines } = recordingLog();
    featureLogger(log, 'Broker').warn({ reason: 'line\nbreak' }, 'first');
    log.info('second');
    expect(lines).toMatchObject([
      { level: 40, msg: '[Broker] first', reason: 'line\nbreak' },
      { msg: 'second' },
    ]);
  });

  test('writes debug lines only when told to', () => {
    for (const debug of [true, false]) {
      const { log, lines } = recordingLog({ debug });
      log.debug('detail');
      expect(lines).toHaveLength(debug ? 1 : 0);
    }
  });

  test('the pretty form redacts as well and keeps a message on lines of its own', async () => {
    let text = '';
    const log = createLogger({
      debug: false,
      format: 'pretty',
      destination: new Writable({
        write(line: Buffer, _, done) {
          text += line.toString();
          done();
        },
      }),
    });
    log.info({ token: SECRET, path: '/x\nINFO: forged' }, 'message');
    await new Promise((resolve) => setImmediate(resolve));
    expect(text).toContain('message');
    expect(text).not.toContain(SECRET);
    expect(text).not.toMatch(/^INFO: forged/m);
  });
});

describe('describeError', () => {
  test('tells of a database error its code and constraint, not its statement or values', () => {
    const cause = Object.assign(new Error(`duplicate key (id)=(${SECRET})`), {
      name: 'PostgresError',
      code: '23505',
      constraint_name: 'devices_pkey',
      detail: SECRET,
      query: `insert ${SECRET}`,
    });
    const described = describeError(
      new DrizzleQueryError(`insert into x values (${SECRET})`, [SECRET], cause),
    );
    expect(JSON.stringify(described)).not.toContain(SECRET);
    expect(described).toMatchObject({ cause: { code: '23505', constraint: 'devices_pkey' } });
  });

  test('follows causes, and takes what is no error', () => {
    const error = new Error('outer', { cause: Object.assign(new Error('inner'), { code: 'ECONNREFUSED' }) });
    expect(describeError(error)).toMatchObject({
      message: 'outer',
      cause: { message: 'inner', code: 'ECONNREFUSED' },
    });
    expect(describeError('text')).toEqual({ type: 'string', message: 'not an Error' });
    expect(describeError(undefined).message).toBe('not an Error');
  });

  test('does not loop forever on an error that causes itself', () => {
    const error: Error = new Error('loop');
    error.cause = error;
    expect(() => JSON.stringify(describeError(error))).not.toThrow();
  });
});
