import { sql } from 'drizzle-orm';
import { Hono } from 'hono';
import { z } from 'zod';
import { unknownReplyPage, unknownReplyQuery } from '../../contract/api/command-groups.ts';
import { isDeviceUuid } from '../../contract/uuid.ts';
import type { ApiEnv } from '../http/actor.ts';
import { cursor, cutPage } from '../http/cursor.ts';
import { describeOperation } from '../http/describe.ts';
import { validate } from '../http/validate.ts';
import type { Queryable } from '../platform/db/client.ts';

const query = unknownReplyQuery.extend({
  cursor: cursor(z.tuple([z.int().min(0), z.string().refine(isDeviceUuid)])),
});

/** Replies that name no command of their device. */
export function unknownReplyRoutes(db: Queryable) {
  return new Hono<ApiEnv>().get(
    '/unknown-replies',
    describeOperation({
      id: 'listUnknownReplies',
      tag: 'Commands',
      summary: 'List the devices whose replies name no command, newest first',
      description:
        'Firmware that makes up ids, or answers long after its command was removed. Kept for 90 days after the last one.',
      answer: unknownReplyPage,
      problems: ['bad-request'],
    }),
    validate('query', query),
    async (c) => {
      const { limit, cursor: behind } = c.req.valid('query');
      const rows = await readUnknownReplies(db, limit + 1, behind);
      const page = cutPage(rows, limit, (last) => [last.us, last.device]);
      return c.json({
        items: page.rows.map(({ device, count, us, last }) => ({
          device,
          count,
          lastAt: new Date(us / 1_000).toISOString(),
          last,
        })),
        next: page.next,
      });
    },
  );
}

async function readUnknownReplies(
  db: Queryable,
  limit: number,
  behind: readonly [us: number, device: string] | undefined,
) {
  const after = behind ? sql`where (us, device) < (${behind[0]}::bigint, ${behind[1]}::uuid)` : sql``;
  const rows = await db.execute<{ device: string; count: string; us: string; last: string }>(sql`
    select device, count, us, last from (
      select device_id as device, count, (extract(epoch from last_at) * 1000000)::bigint as us, last
      from unknown_replies
    ) as replies ${after}
    order by us desc, device desc limit ${limit}`);
  return rows.map(({ device, count, us, last }) => ({ device, count: Number(count), us: Number(us), last }));
}
