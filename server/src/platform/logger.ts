import { DrizzleQueryError } from 'drizzle-orm';
import { type DestinationStream, type Logger, pino } from 'pino';
import { isColorSupported, prettyFactory } from 'pino-pretty';

export type { Logger } from 'pino';

interface LoggerOptions {
  readonly debug: boolean;
  readonly format: 'pretty' | 'json';
  /** Where lines go; standard output unless given. */
  readonly destination?: DestinationStream;
}

/** Names of fields that never reach the log, at whatever depth of a line. */
const SECRET_FIELDS: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'setCookie',
  'credential',
  'password',
  'secret',
  'token',
  'key',
  'apiKey',
  'apiSecret',
  'jwtSecret',
  'masterSecret',
  'agentSecret',
]);
const CENSORED = '[redacted]';

/** The root logger. Features take `featureLogger(log, 'Auth')`, which marks their lines with `[Auth]`. */
export function createLogger(options: LoggerOptions): Logger {
  const settings = {
    level: options.debug ? 'debug' : 'info',
    base: null,
    // For the bindings of child loggers, which formatters do not see.
    redact: { paths: [...SECRET_FIELDS], censor: CENSORED },
    formatters: { log: (fields: Record<string, unknown>) => withoutSecrets(fields) },
    serializers: { err: (error: unknown) => describeError(error) },
  };
  const destination = escaping(options.destination ?? pino.destination({ dest: 1, sync: true }));
  if (options.format === 'json') {
    return pino({ ...settings, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  }
  return pino(settings, prettyLines(destination, options.destination === undefined && isColorSupported));
}

/** Each line is written before the call that logs it returns: pino-pretty's own stream loses lines when the process ends. */
function prettyLines(destination: DestinationStream, colorize: boolean): DestinationStream {
  const format = prettyFactory({ translateTime: 'SYS:HH:MM:ss.l', colorize });
  return { write: (line) => destination.write(format(line)) };
}

/** DEL and C1, which JSON does not escape although terminals obey them: U+009B begins what `ESC [` does. */
const CONTROL = /[\x7f-\x9f]/g;

/** Writes the control characters that JSON leaves as they are as its escapes, which either format may hold. */
function escaping(destination: DestinationStream): DestinationStream {
  return { write: (line) => destination.write(line.replace(CONTROL, escaped)) };
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

export function featureLogger(log: Logger, feature: string): Logger {
  return log.child({}, { msgPrefix: `[${feature}] ` });
}

const MAX_DEPTH = 8;

/**
 * The fields of a line without the values of those that hold secrets; what is changed is copied. Wildcards of pino's
 * `redact` would take most of the time of a request's line.
 */
function withoutSecrets(fields: Record<string, unknown>, depth = 0): Record<string, unknown> {
  let copy: Record<string, unknown> | undefined;
  for (const name of Object.keys(fields)) {
    const value = fields[name];
    const safe = SECRET_FIELDS.has(name) && value !== undefined ? CENSORED : censored(value, depth + 1);
    if (safe === value) continue;
    copy ??= { ...fields };
    copy[name] = safe;
  }
  return copy ?? fields;
}

function censored(value: unknown, depth: number): unknown {
  const isArray = Array.isArray(value);
  if (!isArray && !isPlainObject(value)) return value;
  if (depth > MAX_DEPTH) return '[too deep]';
  return isArray ? value.map((entry) => censored(entry, depth + 1)) : withoutSecrets(value, depth);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** An error can be its own cause. */
const MAX_CAUSES = 5;

interface ErrorFields {
  type: string;
  message: string;
  code?: string;
  constraint?: string;
  stack?: string;
  cause?: ErrorFields;
}

/** Database errors carry the statement and its values: only their code and constraint are logged. */
export function describeError(error: unknown, depth = 0): ErrorFields {
  if (!(error instanceof Error)) return { type: typeof error, message: 'not an Error' };
  const followed = error.cause !== undefined && depth < MAX_CAUSES;
  const cause = followed ? { cause: describeError(error.cause, depth + 1) } : {};
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {};
  if (error.name === 'PostgresError') {
    const constraint =
      'constraint_name' in error && typeof error.constraint_name === 'string'
        ? { constraint: error.constraint_name }
        : {};
    return { type: error.name, message: 'database error', ...code, ...constraint };
  }
  if (error instanceof DrizzleQueryError)
    return { type: 'DrizzleQueryError', message: 'query failed', ...cause };
  return {
    type: error.name,
    message: error.message,
    ...code,
    ...(error.stack ? { stack: error.stack } : {}),
    ...cause,
  };
}
