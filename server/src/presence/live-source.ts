import { sql } from 'drizzle-orm';
import type { PresenceEvent } from '../../contract/api/events.ts';
import { changedSince } from '../platform/db/changes-since.ts';
import { markedChanges } from '../platform/db/marked-changes.ts';
import { devices } from '../platform/db/schema.ts';
import type { LiveSource } from '../platform/live-source.ts';

/** Devices that came online or went offline. */
export const presenceSource: LiveSource = {
  kind: 'presence',
  since: (tx, cursor, limit) =>
    markedChanges(tx, cursor, async (snapshot) => {
      const rows = await tx
        .select({
          id: devices.id,
          online: sql<number>`(${devices.connectedAt} is not null)::int`.mapWith(Number),
          at: sql`coalesce(${devices.connectedAt}, ${devices.sessionNotedAt}, now())`.mapWith(
            devices.createdAt,
          ),
        })
        .from(devices)
        .where(changedSince(devices.presenceChangedBy, snapshot))
        .orderBy(devices.presenceChangedBy)
        .limit(limit + 1);
      return rows.map(({ id, online, at }) => {
        const data: PresenceEvent = { device: id, online: online === 1, at: at.toISOString() };
        return { name: 'presence', data };
      });
    }),
};
