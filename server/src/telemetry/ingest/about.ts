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

/** A device that makes up versions cannot fill the audit log with them. */
const CHANGES_PER_DAY = 20;

/** Keeps the newest of what each device said about itself; another firmware, board or library goes into the audit log. */
export async function storeAbouts(tx: Queryable, documents: readonly DeviceDocument[]): Promise<void> {
  if (documents.length === 0) return;
  const newest = new Map(documents.map((document) => [document.deviceId, document]));
  const rows = [...newest.values()].map(({ deviceId, receivedUs, body }) => {
    const received = new Date(receivedUs / 1_000).toISOString();
    return { ...about.parse(body), id: deviceId, received };
  });
  const is = (about: string) =>
    sql.raw(
      `jsonb_build_object('firmware', ${about}.firmware, 'board', ${about}.board, 'library', ${about}.library)`,
    );
  await tx.execute(sql`
    with said as (
      select id, nullif(fw, '') as firmware, nullif(board, '') as board, nullif(lib, '') as library,
        nullif(reset, '') as reset, coalesce(f, '{}') as fields, coalesce(cmd, '{}') as commands, received
      from json_to_recordset(${JSON.stringify(rows)}::json) as said
        (id uuid, fw text, board text, lib text, reset text, f jsonb, cmd jsonb, received timestamptz)
    ), changed as (
      insert into audit_log (at, actor_kind, actor, action, subject, before, after)
      select received, 'device', id, 'device.firmware_changed', id, ${is('known')}, ${is('said')}
      from said join device_about as known on known.device_id = id
      where (known.firmware, known.board, known.library) is distinct from (said.firmware, said.board, said.library)
        and (select count(*) from audit_log
          where subject = said.id::text and action = 'device.firmware_changed' and at > said.received - interval '1 day'
        ) < ${CHANGES_PER_DAY}
    )
    insert into device_about (device_id, firmware, board, library, reset_reason, fields, commands, received_at)
    select id, firmware, board, library, reset, fields, commands, received from said
    on conflict (device_id) do update set
      firmware = excluded.firmware, board = excluded.board, library = excluded.library,
      reset_reason = excluded.reset_reason, fields = excluded.fields, commands = excluded.commands,
      received_at = excluded.received_at`);
}
