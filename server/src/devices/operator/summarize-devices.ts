import { count, sql } from 'drizzle-orm';
import { Hono } from 'hono';
import { z } from 'zod';
import type { ApiEnv } from '../../http/actor.ts';
import { describeOperation } from '../../http/describe.ts';
import { validate } from '../../http/validate.ts';
import type { Queryable } from '../../platform/db/client.ts';
import { devices } from '../../platform/db/schema.ts';
import type { FleetDeps } from '../change-device.ts';
import { type DeviceFilter, deviceFilter, matching } from '../filter.ts';

const summary = z
  .object({
    total: z.int(),
    active: z.int(),
    pending: z.int().describe('Wait for approval'),
    revoked: z.int(),
    online: z.int().describe('Active devices with a session on the broker'),
    offline: z.int().describe('Active devices without one'),
    neverSeen: z.int().describe('Active devices that have not connected yet'),
    masters: z.int(),
    agents: z.int(),
    unpairedAgents: z.int(),
  })
  .meta({ id: 'DeviceSummary' });

/** `GET /devices/summary`. Mount it before the routes of one device. */
export function summaryRoutes(deps: Pick<FleetDeps, 'db'>) {
  return new Hono<ApiEnv>().get(
    '/devices/summary',
    describeOperation({
      id: 'summarizeDevices',
      tag: 'Devices',
      summary: 'Count the devices of a filter',
      answer: summary,
      problems: ['bad-request'],
    }),
    validate('query', z.object(deviceFilter)),
    async (c) => c.json(await summarizeDevices(deps.db, c.req.valid('query'))),
  );
}

async function summarizeDevices(db: Queryable, filter: DeviceFilter): Promise<z.output<typeof summary>> {
  const where = (condition: ReturnType<typeof sql>) => sql<number>`(count(*) filter (where ${condition}))::int`;
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
    })
    .from(devices)
    .where(matching(filter));
  if (!row) throw new Error('a count answers one row');
  return row;
}
