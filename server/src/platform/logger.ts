import { DrizzleQueryError } from 'drizzle-orm';
import { type DestinationStream, type Logger, pino } from 'pino';
import pretty from 'pino-pretty';

export type { Logger } from 'pino';

interface LoggerOptions {
  readonly debug: boolean;
  readonly format: 'pretty' | 'json';
  /** Where lines go; standard output unless given. */
  readonly destination?: DestinationStream;
}

/** Field names that never reach the log, at the top of a line and one level down. */
const REDACTED = [
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
];

/** The root logger. Features take `featureLogger(log, 'Auth')`, which marks their lines with `[Auth]`. */
export function createLogger(options: LoggerOptions): Logger {
  const settings = {
    level: options.debug ? 'debug' : 'info',
    base: null,
    redact: { paths: REDACTED.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' },
    serializers: { err: describeError },
  };
  if (options.format === 'json') {
    return options.destination
      ? pino({ ...settings, timestamp: pino.stdTimeFunctions.isoTime }, options.destination)
      : pino({ ...settings, timestamp: pino.stdTimeFunctions.isoTime });
  }
  const stream = pretty({
    translateTime: 'SYS:HH:MM:ss.l',
    ...(options.destination ? { destination: options.destination, colorize: false } : {}),
  });
  return pino(settings, stream);
}

export function featureLogger(log: Logger, feature: string): Logger {
  return log.child({}, { msgPrefix: `[${feature}] ` });
}

interface ErrorFields {
  type: string;
  message: string;
  code?: string;
  constraint?: string;
  stack?: string;
  cause?: ErrorFields;
}

/** Database errors carry the statement and its values: only their code and constraint are logged. */
export function describeError(error: unknown): ErrorFields {
  if (!(error instanceof Error)) return { type: typeof error, message: 'not an Error' };
  const cause = error.cause === undefined ? {} : { cause: describeError(error.cause) };
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
