import { Hono } from 'hono';
import { z } from 'zod';
import { BAN_TYPES, type Ban } from '../bans.ts';
import type { BrokerCore } from '../core.ts';
import { ApiError, badRequest, checkBody, notFound } from './errors.ts';
import { paginate, readPage } from './paging.ts';

/** RFC 3339, or Unix seconds as EMQX also takes them. */
const epochSecond = z.union([
  z.number().int().nonnegative(),
  z
    .string()
    .refine((text) => !Number.isNaN(Date.parse(text)))
    .transform((text) => Math.floor(Date.parse(text) / 1000)),
]);
const banSchema = z.object({
  as: z.enum(BAN_TYPES),
  who: z.string(),
  by: z.string().default('mgmt_api'),
  reason: z.string().default(''),
  at: epochSecond.optional(),
  until: z.union([z.literal('infinity'), epochSecond]).default('infinity'),
});

/** `/banned`. A ban of a client id ends that client at once, a ban of a user name does not. */
export function bannedRoutes(core: BrokerCore) {
  const app = new Hono();
  const { bans } = core;

  app.get('/banned', (context) => {
    const page = readPage(context);
    const filters = BAN_TYPES.flatMap((as) => {
      const who = context.req.query(as);
      return who === undefined ? [] : [{ as, who }];
    });
    if (filters.length > 1) throw badRequest('too_many_filters');
    const [filter] = filters;
    if (filter) {
      const ban = bans.get(filter.as, filter.who);
      return context.json(paginate(ban ? [ban] : [], page, formatBan));
    }
    const { data, meta } = paginate(bans.list(), page, formatBan);
    // The plain list alone has no `hasnext`.
    return context.json({ data, meta: { count: meta.count, limit: meta.limit, page: meta.page } });
  });

  app.post('/banned', async (context) => {
    const body = checkBody(banSchema, await context.req.json());
    const now = Math.floor(core.clock.now() / 1000);
    const ban: Ban = {
      as: body.as,
      who: body.who,
      by: body.by,
      reason: body.reason,
      at: body.at ?? now,
      until: body.until === 'infinity' ? Number.POSITIVE_INFINITY : body.until,
    };
    if (ban.until <= now) throw badRequest(`Cannot create expired banned, ${ban.at} to ${ban.until}`);
    const known = bans.get(ban.as, ban.who);
    if (known) throw new ApiError(400, 'ALREADY_EXISTS', JSON.stringify(formatBan(known)));
    bans.add(ban);
    if (ban.as === 'clientid') core.kick(ban.who);
    return context.json(formatBan(ban));
  });

  app.delete('/banned/:as/:who', (context) => {
    const { as, who } = context.req.param();
    if (!bans.delete(as, who)) throw notFound(`${as}: ${who} not found`);
    return context.body(null, 204);
  });

  return app;
}

function formatBan(ban: Ban) {
  return {
    as: ban.as,
    who: ban.who,
    by: ban.by,
    reason: ban.reason,
    at: rfc3339(ban.at),
    until: ban.until === Number.POSITIVE_INFINITY ? 'infinity' : rfc3339(ban.until),
  };
}

/** EMQX writes whole seconds and the offset of its machine, which is taken to be UTC. */
function rfc3339(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', '+00:00');
}
