/** Where a database is and how to log in, as a `postgres://` URL says it. */
export interface DatabaseAddress {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  readonly ssl: false | SslMode;
  /** Settings of the session, such as `search_path`. */
  readonly settings: Readonly<Record<string, string>>;
}

type SslMode = (typeof SSL_MODES)[number];

const SSL_MODES = ['allow', 'prefer', 'require', 'verify-full'] as const;
const DEFAULT_PORT = 5432;
const SETTINGS = new Set(['application_name', 'options', 'search_path', 'TimeZone', 'timezone']);
/** For other clients; hosting companies put them into the URLs that they show. The server has its own limits. */
const IGNORED = new Set([
  'channel_binding',
  'connect_timeout',
  'connection_limit',
  'gssencmode',
  'pgbouncer',
  'pool_timeout',
]);

/** What is wrong with a database URL, in words that follow its variable's name and hold no part of its value. */
export class DatabaseUrlError extends Error {
  override name = 'DatabaseUrlError';
}

/**
 * Reads a database URL. IPv6 addresses stand in brackets; a `%` that begins no escape is taken as it is.
 *
 * @throws DatabaseUrlError
 */
export function parseDatabaseUrl(text: string): DatabaseAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^postgres(ql)?:$/.test(url.protocol) || url.hostname === '') {
    throw new DatabaseUrlError(
      'must be a URL starting with postgres:// or postgresql://, with special characters of the password percent-encoded',
    );
  }
  const settings: Record<string, string> = {};
  let ssl: DatabaseAddress['ssl'] = false;
  for (const [name, value] of url.searchParams) {
    if (name === 'sslmode') ssl = sslMode(value);
    else if (SETTINGS.has(name)) settings[name] = value;
    else if (!IGNORED.has(name)) {
      throw new DatabaseUrlError(
        `has the unknown parameter ${name.replace(/[^\w.-]/g, '?')}; known are sslmode, ${[...SETTINGS].join(', ')}`,
      );
    }
  }
  const user = decode(url.username);
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port || DEFAULT_PORT),
    database: decode(url.pathname.slice(1)) || user,
    user,
    password: decode(url.password),
    ssl,
    settings,
  };
}

function sslMode(value: string): DatabaseAddress['ssl'] {
  if (value === 'disable') return false;
  const mode = SSL_MODES.find((known) => known === value);
  if (mode !== undefined) return mode;
  throw new DatabaseUrlError(`must have disable or one of ${SSL_MODES.join(', ')} as sslmode`);
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part.replace(/%(?![0-9a-fA-F]{2})/g, '%25'));
  } catch {
    throw new DatabaseUrlError('has percent-encoded bytes that are not UTF-8');
  }
}
