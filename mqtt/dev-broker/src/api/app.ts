import { timingSafeEqual } from 'node:crypto';
import { Hono } from 'hono';
import type { BrokerCore } from '../core.ts';
import type { ApiFaults } from '../faults.ts';
import type { Listeners } from '../listeners.ts';
import { authenticationRoutes } from './authentication.ts';
import { authorizationRoutes } from './authorization.ts';
import { bannedRoutes } from './banned.ts';
import { clientRoutes } from './clients.ts';
import { configurationRoutes } from './configuration.ts';
import { ApiError } from './errors.ts';
import { listenerRoutes } from './listeners.ts';
import { nodeRoutes, statusText } from './node.ts';
import { publishRoutes } from './publish.ts';
import { retainerRoutes } from './retainer.ts';
import { ruleRoutes } from './rules.ts';

export interface ApiDependencies {
  core: BrokerCore;
  listeners: Listeners;
  apiKey: string;
  apiSecret: string;
  faults: ApiFaults;
  /** How long `inflight_cnt` and `mqueue_len` lag behind after a disconnect. */
  statsLagMs: number;
}

const BASE = '/api/v5';
/** Changes of these are written down, after which `base.hocon` is not read any more. */
const CONFIGURATION = /^\/(authentication|authorization\/(settings|sources(?!.*\/rules))|listeners)\b/;

/** EMQX's REST API under `/api/v5`, as far as the server calls it. */
export function createApi({ core, listeners, apiKey, apiSecret, faults, statsLagMs }: ApiDependencies) {
  const app = new Hono().basePath(BASE);

  app.use(async (context, next) => {
    const path = context.req.path.slice(BASE.length);
    // REST comes up last at a boot.
    const booting = core.down || !core.authenticates;
    const fault = booting ? 503 : faults.of(context.req.method, path);
    if (fault === 'hang') return new Promise<never>(() => {});
    if (fault !== null) {
      return new Response(
        JSON.stringify({ code: 'SERVICE_UNAVAILABLE', message: booting ? 'not started' : 'fault injected' }),
        {
          status: fault,
          headers: { 'content-type': 'application/json' },
        },
      );
    }
    await next();
    if (context.req.method !== 'GET' && context.res.ok && CONFIGURATION.test(path)) {
      core.configuration.frozen = true;
    }
  });

  app.get('/status', (context) => context.text(statusText()));

  app.use(async (context, next) => {
    const credentials = readBasic(context.req.header('authorization'));
    context.header('WWW-Authenticate', 'Basic Realm="emqx-dashboard"');
    if (!credentials) {
      throw new ApiError(401, 'AUTHORIZATION_HEADER_ERROR', 'Support authorization: basic/bearer ');
    }
    if (!same(credentials, `${apiKey}:${apiSecret}`)) {
      throw new ApiError(401, 'BAD_API_KEY_OR_SECRET', 'Check api_key/api_secret');
    }
    context.header('WWW-Authenticate', undefined);
    await next();
  });

  app.route('/', nodeRoutes(core));
  app.route('/', listenerRoutes(core, listeners));
  app.route('/', authenticationRoutes(core.chain));
  app.route('/', ruleRoutes(core.authorizer));
  app.route('/', authorizationRoutes(core));
  app.route('/', bannedRoutes(core));
  app.route('/', clientRoutes(core, statsLagMs));
  app.route('/', configurationRoutes(core));
  app.route('/', publishRoutes(core));
  app.route('/', retainerRoutes(core));

  app.notFound((context) => context.json({ code: 'NOT_FOUND', message: 'Request Path Not Found' }, 404));
  app.onError((error, context) => {
    if (error instanceof ApiError) {
      return context.json({ code: error.code, message: error.message }, error.status);
    }
    if (error instanceof SyntaxError) {
      return context.json({ code: 'BAD_REQUEST', message: 'Invalid json message received' }, 400);
    }
    return context.json({ code: 'INTERNAL_ERROR', message: String(error) }, 500);
  });
  return app;
}

function readBasic(header: string | undefined): string | null {
  const match = /^basic\s+([A-Za-z0-9+/=]+)$/i.exec(header ?? '');
  return match?.[1] === undefined ? null : Buffer.from(match[1], 'base64').toString('utf8');
}

function same(given: string, expected: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(expected);
  return a.length === b.length && timingSafeEqual(a, b);
}
