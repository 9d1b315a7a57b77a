import { sql } from 'drizzle-orm';
import { z } from 'zod';
import type { Queryable } from '../../platform/db/client.ts';
import type { DeviceDocument } from './plan-batch.ts';

const shortText = z.string().max(100).catch('').optional();
const unit = z.object({ u: z.string().max(32).optional(), k: z.string().max(64).optional() });

/** What a device says about itself (docs/protocol.md, section 4). What does not fit is left out, key by key. */
const about = z.object({
  fw: shortText,
  board: shortText,
  lib: shortText,
  reset: shortText,
  f: z.record(z.string().max(100), unit.catch({})).catch({}).optional(),
  cmd: z
    .record(z.string().max(100), z.record(z.string().max(100), z.unknown()).catch({}))
    .catch({})
    .optional(),
});

/** Keeps the newest of what each device said about itself. */
export async function storeAbouts(tx: Queryable, documents: readonly DeviceDocument[]): Promise<void> {
  if (documents.length === 0) return;
  const newest = new Map(documents.map((document) => [document.deviceId, document]));
  const rows = [...newest.values()].map(({ deviceId, receivedUs, body }) => {
    const { fw, board, lib, reset, f = {}, cmd = {} } = about.parse(body);
    const received = new Date(receivedUs / 1_000).toISOString();
    return { id: deviceId, fw, board, lib, reset, f, cmd, received };
  });
  await tx.execute(sql`
    insert into device_about (device_id, firmware, board, library, reset_reason, fields, commands, received_at)
    select id, nullif(fw, ''), nullif(board, ''), nullif(lib, ''), nullif(reset, ''), f, cmd, received
    from json_to_recordset(${JSON.stringify(rows)}::json) as said
      (id uuid, fw text, board text, lib text, reset text, f jsonb, cmd jsonb, received timestamptz)
    on conflict (device_id) do update set
      firmware = excluded.firmware, board = excluded.board, library = excluded.library,
      reset_reason = excluded.reset_reason, fields = excluded.fields, commands = excluded.commands,
      received_at = excluded.received_at`);
}
