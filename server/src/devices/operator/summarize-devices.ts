import { count, sql } from 'drizzle-orm';
import { Hono } from 'hono';
import {
  type DeviceFilter,
  type DeviceSummary,
  deviceFilter,
  deviceSummary,
} from '../../../contract/api/devices.ts';
import type { ApiEnv } from '../../http/actor.ts';
import { describeOperation } from '../../http/describe.ts';
import { validate } from '../../http/validate.ts';
import type { Queryable } from '../../platform/db/client.ts';
import { devices } from '../../platform/db/schema.ts';
import { isFlapping, matching } from '../filter.ts';

/** `GET /devices/summary`. Mount it before the routes of one device. */
export function summaryRoutes(deps: { readonly db: Queryable }) {
  return new Hono<ApiEnv>().get(
    '/devices/summary',
    describeOperation({
      id: 'summarizeDevices',
      tag: 'Devices',
      summary: 'Count the devices of a filter',
      answer: deviceSummary,
      problems: ['bad-request'],
    }),
    validate('query', deviceFilter),
    async (c) => c.json(await summarizeDevices(deps.db, c.req.valid('query'))),
  );
}

async function summarizeDevices(db: Queryable, filter: DeviceFilter): Promise<DeviceSummary> {
  const where = (condition: ReturnType<typeof sql>) =>
    sql<number>`(count(*) filter (where ${condition}))::int`;
  const isActive = sql`${devices.state} = 'active'`;
  const isAgent = sql`${devices.role} = 'agent'`;
  const [row] = await db
    .select({
      total: count(),
      active: where(isActive),
      pending: where(sql`${devices.state} = 'pending'`),
      revoked: where(sql`${devices.state} = 'revoked'`),
      online: where(sql`${isActive} and ${devices.connectedAt} is not null`),
      offline: where(sql`${isActive} and ${devices.connectedAt} is null`),
      neverSeen: where(sql`${isActive} and ${devices.lastSeenAt} is null`),
      masters: where(sql`not ${isAgent}`),
      agents: where(isAgent),
      unpairedAgents: where(sql`${isAgent} and ${devices.masterId} is null`),
      flapping: where(isFlapping),
    })
    .from(devices)
    .where(matching(filter));
  if (!row) throw new Error('a count answers one row');
  return row;
}
