import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { z } from 'zod';
import type { Receipt } from '../../contract/api/broker.ts';
import { deviceUuid } from '../../contract/uuid.ts';
import type { AuditOrigin } from '../audit/audit.ts';
import { type RequireTokenDeps, requireToken, type TokenEnv } from '../devices/firmware/require-token.ts';
import { ipNetwork } from '../http/client-ip.ts';
import { allowOnly } from '../http/device-answer.ts';
import { limitFailures, limitRequests, type StoreFactory } from '../http/rate-limit.ts';
import { AppError } from '../platform/errors.ts';
import { type ClaimDeps, claimAgent } from './claim-agent.ts';
import { issuePairingCode } from './issue-code.ts';
import { ownAgents } from './own-agents.ts';
import { releaseAgent } from './release-agent.ts';

export interface FirmwarePairingRoutesDeps extends RequireTokenDeps, ClaimDeps {
  readonly limits: {
    readonly stores: StoreFactory;
    /** Requests of one device, per minute. */
    readonly device: number;
    /** Bad credentials of one address, per 10 minutes. */
    readonly failed: number;
  };
}

const MINUTE_MS = 60_000;
const MAX_BODY_BYTES = 256;
const MAX_PAGE = 100;

const page = z.object({
  after: deviceUuid.optional(),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(20),
});
const confirmation = z.object({ code: z.string().regex(/^\d{6}$/) });

/** How devices pair themselves: docs/protocol.md, section 2. */
export function firmwarePairingRoutes(deps: FirmwarePairingRoutesDeps): Hono<TokenEnv> {
  const app = new Hono<TokenEnv>();
  app.use(
    '/devices/*',
    limitFailures<TokenEnv>({
      ...deps.limits,
      clock: deps.clock,
      name: 'bad credentials of an address',
      limit: deps.limits.failed,
      windowMs: 10 * MINUTE_MS,
      key: (c) => ipNetwork(c.get('ip')),
      failed: (c) => c.get('badCredential') === true,
    }),
  );
  const admit = requireToken(deps);
  const limitDevice = limitRequests<TokenEnv>({
    ...deps.limits,
    clock: deps.clock,
    name: 'pairing requests of a device',
    limit: deps.limits.device,
    windowMs: MINUTE_MS,
    key: (c) => c.get('device').id,
  });

  app.get('/devices/agents', admit, limitDevice, async (c) => {
    const masterId = requireMaster(c);
    const query = page.safeParse(c.req.query());
    if (!query.success)
      throw new AppError('bad_request', `Give a UUID as after, and 1 to ${MAX_PAGE} as limit.`);
    const { ids, more } = await ownAgents(deps.db, masterId, query.data.after, query.data.limit);
    c.header('Cache-Control', 'no-store');
    return c.json({ c: 'OK', a: ids, ...(more ? { next: ids.at(-1) } : {}) });
  });
  allowOnly(app, '/devices/agents', 'GET, HEAD');

  app.put('/devices/agents/:uuid', admit, limitDevice, limitBody, async (c) => {
    const masterId = requireMaster(c);
    const agentId = requestedUuid(c);
    const body = confirmation.safeParse(await c.req.json().catch(() => undefined));
    if (!body.success) throw new AppError('bad_request', 'Send the code as {"code":"123456"}.');
    const claim = { agentId, code: body.data.code };
    return answer(c, await claimAgent(deps, masterId, claim, originOf(deps, c)));
  });
  app.delete('/devices/agents/:uuid', admit, limitDevice, async (c) => {
    const masterId = requireMaster(c);
    return answer(c, await releaseAgent(deps, masterId, requestedUuid(c), originOf(deps, c)));
  });
  allowOnly(app, '/devices/agents/:uuid', 'PUT, DELETE');

  app.post('/devices/pairing-code', admit, limitDevice, async (c) => {
    const { code, expiresInSeconds } = await issuePairingCode(deps, c.get('device').id);
    c.header('Cache-Control', 'no-store');
    return c.json({ c: 'OK', code, x: expiresInSeconds });
  });
  allowOnly(app, '/devices/pairing-code', 'POST');

  return app;
}

const limitBody = bodyLimit({
  maxSize: MAX_BODY_BYTES,
  onError: () => {
    throw new AppError('bad_request', `The body has more than ${MAX_BODY_BYTES} bytes.`);
  },
});

function requireMaster(c: Context<TokenEnv>): string {
  const { id, role } = c.get('device');
  if (role !== 'master') throw new AppError('wrong_role', 'Only a master has agents.');
  return id;
}

function requestedUuid(c: Context<TokenEnv>): string {
  const parsed = deviceUuid.safeParse(c.req.param('uuid'));
  if (!parsed.success) throw new AppError('bad_request', 'Give the UUID of an agent in the path.');
  return parsed.data;
}

function originOf(deps: FirmwarePairingRoutesDeps, c: Context<TokenEnv>): AuditOrigin {
  return {
    at: new Date(deps.clock.now()),
    actorKind: 'device',
    actor: c.get('device').id,
    address: c.get('ip'),
    requestId: c.get('requestId'),
  };
}

/** `ms`: after how many milliseconds the change was in effect; absent while it waits for the broker. */
function answer(c: Context<TokenEnv>, { effectiveAfterMs }: Receipt): Response {
  c.header('Cache-Control', 'no-store');
  return c.json({ c: 'OK', ...(effectiveAfterMs === null ? {} : { ms: effectiveAfterMs }) });
}
