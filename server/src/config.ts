import { z } from 'zod';
import { isUsername, newPassword, username } from '../contract/api/credentials.ts';
import { DatabaseUrlError, parseDatabaseUrl } from './platform/db/database-url.ts';

/** Everything the server can be told, parsed and frozen. Durations are in seconds, secrets are as given. */
export type Config = Readonly<z.output<typeof environment>>;

/** The environment does not describe a server that may start. `faults` holds one line per variable, without its value. */
export class ConfigError extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(`The configuration is not usable:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`);
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;
const MAX_RETENTION_SECONDS = 3_660 * SECONDS.d;
/** The database refuses to delete younger entries. */
const MIN_AUDIT_RETENTION_SECONDS = 30 * SECONDS.d;
const MAX_TOKEN_TTL_SECONDS = 366 * SECONDS.d;

const required = z.string({ error: 'is required' });

function wholeNumber(fallback: number, min: number, max: number) {
  return z
    .string()
    .regex(/^\d{1,12}$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be between ${min} and ${max}`)
    .default(fallback);
}

function flag(fallback: boolean) {
  return z
    .enum(['true', 'false', '1', '0'], { error: 'must be true or false' })
    .transform((text) => text === 'true' || text === '1')
    .default(fallback);
}

/** `90`, `90s`, `15m`, `12h` or `14d`, in seconds. */
function duration(fallbackSeconds: number, minSeconds: number, maxSeconds: number) {
  return z
    .string()
    .regex(/^\d{1,9}[smhd]?$/, 'must be a duration such as 3600, 90s, 15m, 12h or 14d')
    .transform((text) => {
      const unit = text.at(-1);
      const factor = unit === 's' || unit === 'm' || unit === 'h' || unit === 'd' ? SECONDS[unit] : 1;
      return Number.parseInt(text, 10) * factor;
    })
    .refine(
      (seconds) => seconds >= minSeconds && seconds <= maxSeconds,
      `must be between ${minSeconds} and ${maxSeconds} seconds`,
    )
    .default(fallbackSeconds);
}

/** @param faultOf what else is wrong with a URL, if anything. */
function url(protocols: readonly string[], faultOf: (given: URL) => string | undefined = () => undefined) {
  return required.superRefine((text, context) => {
    const given = URL.canParse(text) ? new URL(text) : undefined;
    const isOne = given !== undefined && protocols.includes(given.protocol) && given.hostname !== '';
    const message = isOne
      ? faultOf(given)
      : `must be a URL starting with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`;
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });
}

/** They would take the place of the server's own. */
function credentialsIn({ username, password }: URL): string | undefined {
  return username === '' && password === '' ? undefined : 'must have no user and password in it';
}

function faultOfApiUrl(given: URL): string | undefined {
  const isBase = /\/api\/v5\/*$/.test(given.pathname) && given.search === '' && given.hash === '';
  return credentialsIn(given) ?? (isBase ? undefined : 'must end with /api/v5');
}

const databaseUrl = required.superRefine((text, context) => {
  try {
    parseDatabaseUrl(text);
  } catch (error) {
    if (!(error instanceof DatabaseUrlError)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
  }
});

const hostPort = z.string({ error: 'is required' }).refine((text) => {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]{1,253})):(\d{1,5})$/.exec(text);
  return match !== null && Number(match[3]) >= 1 && Number(match[3]) <= 65_535;
}, 'must be host:port (an IPv6 address in brackets)');

function secret(minBytes: number, unit: 'bytes' | 'characters') {
  return required.refine(
    (text) => (unit === 'bytes' ? Buffer.byteLength(text) : [...text].length) >= minBytes,
    `must be at least ${minBytes} ${unit} long`,
  );
}

/** What travels as a bearer credential, which blanks and control characters would cut. */
const bearerSecret = secret(16, 'characters').refine(
  (text) => !/[\s\p{Cc}]/u.test(text),
  'must not contain blanks or control characters',
);

/** One entry per variable of `.env.example`; a test compares the two. */
const variables = z.object({
  PORT: wholeNumber(3000, 0, 65_535),
  DATABASE_URL: databaseUrl,
  JWT_SECRET: secret(32, 'bytes'),
  DEVICE_MASTER_SECRET_KEY: bearerSecret,
  DEVICE_AGENT_SECRET_KEY: bearerSecret,
  MQTT_URL: url(['mqtt:', 'mqtts:', 'tcp:', 'ssl:'], credentialsIn),
  MQTT_HOST: hostPort,
  MQTT_TLS_HOST: hostPort.optional(),
  EMQX_API_URL: url(['http:', 'https:'], faultOfApiUrl).transform((text) => text.replace(/\/+$/, '')),
  EMQX_API_KEY: z
    .string()
    .regex(/^[A-Za-z0-9._-]+$/, 'must consist of letters, digits, dot, dash and underscore')
    .default('simple-iot-server'),
  MQTT_SECRET_KEY: required,
  MQTT_ADMIN_PASSWORD: z.string().optional(),
  ADMIN_USERNAME: username.optional(),
  ADMIN_PASSWORD: newPassword.optional(),
  ENROLLMENT: z
    .enum(['open', 'approval', 'closed'], { error: 'must be open, approval or closed' })
    .default('open'),
  DEVICE_CREDENTIALS: z.enum(['shared', 'derived'], { error: 'must be shared or derived' }).default('shared'),
  TOKEN_TTL: duration(14 * SECONDS.d, 60, MAX_TOKEN_TTL_SECONDS),
  TELEMETRY_RETENTION: duration(90 * SECONDS.d, SECONDS.d, MAX_RETENTION_SECONDS),
  ROLLUP_RETENTION: duration(5 * 365 * SECONDS.d, SECONDS.d, MAX_RETENTION_SECONDS),
  AUDIT_RETENTION: duration(400 * SECONDS.d, MIN_AUDIT_RETENTION_SECONDS, MAX_RETENTION_SECONDS),
  TRUST_PROXY_HOPS: wholeNumber(0, 0, 10),
  INSTANCE_ID: z
    .string({ error: 'is required (the host name stands in for it)' })
    .regex(/^[A-Za-z0-9._-]{1,64}$/, 'must be 1 to 64 letters, digits, dots, dashes or underscores')
    .refine((text) => text !== 'ingest', 'must not name the session that telemetry arrives on'),
  DEBUG: flag(false),
  LOG_FORMAT: z.enum(['pretty', 'json'], { error: 'must be pretty or json' }).default('pretty'),
  RATE_LIMIT_DEVICE: wholeNumber(30, 1, 1_000_000),
  RATE_LIMIT_FAILED: wholeNumber(60, 1, 1_000_000),
  RATE_LIMIT_ADDRESS: wholeNumber(12_000, 1, 100_000_000),
  REGISTRATIONS_PER_HOUR: wholeNumber(1_000, 1, 100_000_000),
  METRICS_PORT: z
    .string()
    .regex(/^\d{1,5}$/, 'must be a port')
    .transform(Number)
    .refine((port) => port <= 65_535, 'must be a port')
    .optional(),
  METRICS_TOKEN: bearerSecret.optional(),
  SMTP_URL: url(['smtp:', 'smtps:']).optional(),
  SMTP_FROM: z
    .string()
    .max(320)
    .regex(
      /^(?:[^<>\p{Cc}]+ )?<[^<>@\s]+@[^<>@\s]+>$|^[^<>@\s]+@[^<>@\s]+$/u,
      'must be an address, or a name and an address: Alerts <alerts@example.com>',
    )
    .optional(),
  ALERT_PRIVATE_ADDRESSES: flag(false),
});

const environment = variables
  .refine(differentRoleSecrets, {
    path: ['DEVICE_AGENT_SECRET_KEY'],
    message: 'must differ from DEVICE_MASTER_SECRET_KEY',
    when: () => true,
  })
  .superRefine((env, context) => {
    const { ADMIN_USERNAME: name, ADMIN_PASSWORD: password } = env;
    if (name !== undefined && password === undefined) {
      context.addIssue({
        code: 'custom',
        path: ['ADMIN_PASSWORD'],
        message: 'must be set with ADMIN_USERNAME',
      });
    }
    if (name === undefined && password !== undefined) {
      context.addIssue({
        code: 'custom',
        path: ['ADMIN_USERNAME'],
        message: 'must be set with ADMIN_PASSWORD',
      });
    }
    if ((env.SMTP_URL === undefined) !== (env.SMTP_FROM === undefined)) {
      const [given, missing] =
        env.SMTP_URL === undefined ? ['SMTP_FROM', 'SMTP_URL'] : ['SMTP_URL', 'SMTP_FROM'];
      context.addIssue({ code: 'custom', path: [missing], message: `must be set with ${given}` });
    }
    // 0 is any free port, another one for each.
    if (env.METRICS_PORT !== undefined && env.METRICS_PORT !== 0 && env.METRICS_PORT === env.PORT) {
      context.addIssue({ code: 'custom', path: ['METRICS_PORT'], message: 'must differ from PORT' });
    }
    if (name !== undefined && password !== undefined && isUsername(password, name)) {
      context.addIssue({ code: 'custom', path: ['ADMIN_PASSWORD'], message: 'must not be ADMIN_USERNAME' });
    }
  })
  .transform((env) => ({
    port: env.PORT,
    databaseUrl: env.DATABASE_URL,
    jwtSecret: env.JWT_SECRET,
    roleSecrets: { master: env.DEVICE_MASTER_SECRET_KEY, agent: env.DEVICE_AGENT_SECRET_KEY },
    mqttUrl: env.MQTT_URL,
    mqttHost: env.MQTT_HOST,
    mqttTlsHost: env.MQTT_TLS_HOST,
    emqx: { apiUrl: env.EMQX_API_URL, apiKey: env.EMQX_API_KEY, apiSecret: env.MQTT_SECRET_KEY },
    /** Made an administrator where there is no operator yet. */
    firstAdmin:
      env.ADMIN_USERNAME === undefined || env.ADMIN_PASSWORD === undefined
        ? undefined
        : { username: env.ADMIN_USERNAME, password: env.ADMIN_PASSWORD },
    enrollment: env.ENROLLMENT,
    deviceCredentials: env.DEVICE_CREDENTIALS,
    tokenTtlSeconds: env.TOKEN_TTL,
    retention: {
      telemetrySeconds: env.TELEMETRY_RETENTION,
      rollupSeconds: env.ROLLUP_RETENTION,
      auditSeconds: env.AUDIT_RETENTION,
    },
    trustProxyHops: env.TRUST_PROXY_HOPS,
    instanceId: env.INSTANCE_ID,
    debug: env.DEBUG,
    logFormat: env.LOG_FORMAT,
    /** Where `/metrics` is answered: on a port of its own, or to bearers of the token; nowhere without either. */
    metricsPort: env.METRICS_PORT,
    metricsToken: env.METRICS_TOKEN,
    /** The server that takes e-mail; none is sent without. */
    smtp:
      env.SMTP_URL === undefined || env.SMTP_FROM === undefined
        ? undefined
        : { url: env.SMTP_URL, from: env.SMTP_FROM },
    /** Whether webhooks and ntfy may be on the server's own network. */
    alertPrivateAddresses: env.ALERT_PRIVATE_ADDRESSES,
    rateLimits: {
      /** Token requests of one device with a good credential, per minute. */
      device: env.RATE_LIMIT_DEVICE,
      /** Bad credentials from one address, per 10 minutes. */
      failed: env.RATE_LIMIT_FAILED,
      /** Requests of any kind from one address, per minute. */
      address: env.RATE_LIMIT_ADDRESS,
      /** Devices that register themselves, of all addresses together, per hour. */
      registrations: env.REGISTRATIONS_PER_HOUR,
    },
  }));

/** Asked also where variables are missing or faulty, so that all faults come together. */
function differentRoleSecrets(env: Partial<z.output<typeof variables>>): boolean {
  const { DEVICE_MASTER_SECRET_KEY: master, DEVICE_AGENT_SECRET_KEY: agent } = env;
  return master === undefined || master !== agent;
}

/** The names of all variables the server reads. */
export const variableNames: readonly string[] = Object.keys(variables.shape);

/**
 * Parses the environment. A variable set to nothing counts as not set.
 *
 * @param hostName stands in for `INSTANCE_ID`.
 * @throws ConfigError naming every faulty variable at once, never its value.
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>, hostName?: string): Config {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = environment.safeParse({ INSTANCE_ID: hostName, ...given });
  if (!parsed.success) {
    throw new ConfigError(parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`));
  }
  return Object.freeze(parsed.data);
}
