import { sql } from 'drizzle-orm';
import { z } from 'zod';
import { about as contract } from '../../../contract/messages.ts';
import type { Queryable } from '../../platform/db/client.ts';
import type { DeviceDocument } from './plan-batch.ts';

const { fw, board, lib, reset, f, cmd } = contract.shape;

/** What a device says about itself. What is not as the contract has it is left out, key by key. */
const about = z.object({
  fw: fw.catch(undefined),
  board: board.catch(undefined),
  lib: lib.catch(undefined),
  reset: reset.catch(undefined),
  f: f.catch(undefined),
  cmd: cmd.catch(undefined),
});

/** Keeps the newest of what each device said about itself. */
export async function storeAbouts(tx: Queryable, documents: readonly DeviceDocument[]): Promise<void> {
  if (documents.length === 0) return;
  const newest = new Map(documents.map((document) => [document.deviceId, document]));
  const rows = [...newest.values()].map(({ deviceId, receivedUs, body }) => {
    const received = new Date(receivedUs / 1_000).toISOString();
    return { ...about.parse(body), id: deviceId, received };
  });
  await tx.execute(sql`
    insert into device_about (device_id, firmware, board, library, reset_reason, fields, commands, received_at)
    select id, nullif(fw, ''), nullif(board, ''), nullif(lib, ''), nullif(reset, ''), coalesce(f, '{}'), coalesce(cmd, '{}'), received
    from json_to_recordset(${JSON.stringify(rows)}::json) as said
      (id uuid, fw text, board text, lib text, reset text, f jsonb, cmd jsonb, received timestamptz)
    on conflict (device_id) do update set
      firmware = excluded.firmware, board = excluded.board, library = excluded.library,
      reset_reason = excluded.reset_reason, fields = excluded.fields, commands = excluded.commands,
      received_at = excluded.received_at`);
}
