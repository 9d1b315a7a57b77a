import { describe, expect, test } from 'bun:test';
import { DrizzleQueryError } from 'drizzle-orm';
import { startChild } from '../../test/child.ts';
import { recordingLog } from '../../test/logs.ts';
import { createLogger, describeError, featureLogger } from './logger.ts';

const SECRET = 'a-very-secret-value';
/** More than a pipe holds. */
const LINES = 1_000;

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

  test('the pretty form redacts as well and keeps a message on lines of its own', () => {
    let text = '';
    const log = createLogger({
      debug: false,
      format: 'pretty',
      destination: {
        write(line) {
          text += line;
        },
      },
    });
    log.info({ token: SECRET, path: '/x\nINFO: forged' }, 'message');
    expect(text).toContain('message');
    expect(text).not.toContain(SECRET);
    expect(text).not.toMatch(/^INFO: forged/m);
  });

  test.each(['pretty', 'json'] as const)('escapes the control characters of clients: %s', (format) => {
    let text = '';
    const write = (line: string) => {
      text += line;
    };
    const log = createLogger({ debug: false, format, destination: { write } });
    log.info({ path: '/a\n\u001b[31m\u007f\u0085\u009b31mä', nested: ['\u0080'] }, 'request');
    expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
    expect(text).toContain('/a\\n\\u001b[31m\\u007f\\u0085\\u009b31mä');
    if (format === 'json') expect(JSON.parse(text)).toMatchObject({ nested: ['\u0080'] });
  });

  test.each(['pretty', 'json'] as const)(
    'has written every line when the process ends in the same turn: %s',
    async (format) => {
      const code = `
        import { createLogger } from ${JSON.stringify(import.meta.resolve('./logger.ts'))};
        const log = createLogger({ debug: false, format: '${format}' });
        for (let line = 1; line <= ${LINES}; line++) log.info({ detail: 'x'.repeat(200) }, \`line \${line}\`);
        log.fatal('the last line');
        process.exit(1);`;
      const child = startChild([process.execPath, '-e', code]);
      expect(await child.exited).toBe(1);
      expect(child.output().match(/line \d+/g)).toHaveLength(LINES);
      expect(child.output()).toContain('the last line');
    },
    30_000,
  );
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
