import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { Receipt } from '../../contract/api/broker.ts';
import {
  agentPath,
  confirmation,
  MAX_AGENTS_PAGE,
  ownAgentsAnswer,
  ownAgentsQuery,
  paired,
  pairingCode,
} from '../../contract/device-answers.ts';
import { deviceUuid } from '../../contract/uuid.ts';
import type { AuditOrigin } from '../audit/audit.ts';
import { agentIds } from '../devices/agents.ts';
import { type RequireTokenDeps, requireToken, type TokenEnv } from '../devices/firmware/require-token.ts';
import { describeDeviceOperation } from '../http/describe-device.ts';
import { allowOnly } from '../http/device-answer.ts';
import { limitRequests, type StoreFactory, tellLimit } from '../http/rate-limit.ts';
import { AppError } from '../platform/errors.ts';
import { WRONG_CODES } from './attempts.ts';
import { claimAgent } from './claim-agent.ts';
import { issuePairingCode } from './issue-code.ts';
import { type PairingDeps, releaseAgent, requireMaster } from './verbs.ts';

export interface FirmwarePairingRoutesDeps extends RequireTokenDeps, PairingDeps {
  readonly limits: {
    readonly stores: StoreFactory;
    /** Requests of one device, per minute. */
    readonly device: number;
  };
}

const MINUTE_MS = 60_000;
const MAX_BODY_BYTES = 256;

/** How devices pair themselves: docs/protocol.md, section 2. */
export function firmwarePairingRoutes(deps: FirmwarePairingRoutesDeps): Hono<TokenEnv> {
  const app = new Hono<TokenEnv>();
  const admit = requireToken(deps);
  const limitDevice = limitRequests<TokenEnv>({
    ...deps.limits,
    clock: deps.clock,
    name: 'pairing requests of a device',
    limit: deps.limits.device,
    windowMs: MINUTE_MS,
    key: (c) => c.get('device').id,
  });

  const describeList = describeDeviceOperation({
    id: 'listOwnAgents',
    summary: "List the master's own agents",
    credential: 'deviceToken',
    query: ownAgentsQuery,
    answer: ownAgentsAnswer,
    reasons: ['bad_request', 'wrong_role'],
  });
  app.get('/devices/agents', describeList, admit, limitDevice, async (c) => {
    const masterId = requireMaster(c.get('device')).id;
    const query = ownAgentsQuery.safeParse(c.req.query());
    if (!query.success)
      throw new AppError('bad_request', `after must be a UUID, limit 1 to ${MAX_AGENTS_PAGE}.`);
    const { ids, more } = await agentIds(deps.db, masterId, query.data.after, query.data.limit);
    c.header('Cache-Control', 'no-store');
    return c.json({ c: 'OK', a: ids, ...(more ? { next: ids.at(-1) } : {}) });
  });
  allowOnly(app, '/devices/agents', 'GET, HEAD');

  const describeClaim = describeDeviceOperation({
    id: 'claimAgent',
    summary: 'Pair an agent by its pairing code',
    credential: 'deviceToken',
    path: agentPath,
    body: confirmation,
    answer: paired,
    reasons: ['bad_request', 'wrong_role', 'wrong_device', 'conflict'],
  });
  app.put('/devices/agents/:uuid', describeClaim, admit, limitDevice, limitBody, async (c) => {
    const master = requireMaster(c.get('device'));
    const agentId = requestedUuid(c);
    const body = confirmation.safeParse(await c.req.json().catch(() => undefined));
    if (!body.success) throw new AppError('bad_request', 'Send the code as {"code":"123456"}.');
    const claim = { agentId, code: body.data.code };
    const claimed = claimAgent(deps, master, claim, originOf(deps, c));
    return answer(c, await claimed.catch((error: unknown) => tellWrongCodes(c, error)));
  });
  const describeRelease = describeDeviceOperation({
    id: 'releaseAgent',
    summary: 'Unpair an agent',
    credential: 'deviceToken',
    path: agentPath,
    answer: paired,
    reasons: ['bad_request', 'wrong_role', 'wrong_device'],
  });
  app.delete('/devices/agents/:uuid', describeRelease, admit, limitDevice, async (c) => {
    const masterId = requireMaster(c.get('device')).id;
    return answer(c, await releaseAgent(deps, masterId, requestedUuid(c), originOf(deps, c)));
  });
  allowOnly(app, '/devices/agents/:uuid', 'PUT, DELETE');

  const describeCode = describeDeviceOperation({
    id: 'issuePairingCode',
    summary: 'Request a pairing code, as an agent',
    credential: 'deviceToken',
    answer: pairingCode,
    reasons: ['wrong_role', 'conflict'],
  });
  app.post('/devices/pairing-code', describeCode, admit, limitDevice, async (c) => {
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
    throw new AppError('bad_request', `The body must not exceed ${MAX_BODY_BYTES} bytes.`);
  },
});

function requestedUuid(c: Context<TokenEnv>): string {
  const parsed = deviceUuid.safeParse(c.req.param('uuid'));
  if (!parsed.success) throw new AppError('bad_request', 'The path must contain the UUID of an agent.');
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

/** Names the limit of wrong codes where that refuses the request. */
function tellWrongCodes(c: Context<TokenEnv>, error: unknown): never {
  if (error instanceof AppError && error.code === 'rate_limited') {
    tellLimit(c, WRONG_CODES, error.retryAfterSeconds ?? WRONG_CODES.windowMs / 1_000);
  }
  throw error;
}

/** `ms`: after how many milliseconds the change was in effect; absent while it waits for the broker. */
function answer(c: Context<TokenEnv>, { effectiveAfterMs }: Receipt): Response {
  c.header('Cache-Control', 'no-store');
  return c.json({ c: 'OK', ...(effectiveAfterMs === null ? {} : { ms: effectiveAfterMs }) });
}
