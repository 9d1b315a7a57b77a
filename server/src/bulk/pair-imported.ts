import type { Receipt } from '../../contract/api/broker.ts';
import type { ImportedLine } from '../../contract/api/devices.ts';
import type { AuditOrigin } from '../audit/audit.ts';
import { gatherChanges } from '../broker/gather-changes.ts';
import type { ChangeDeps } from '../devices/change-device.ts';
import { findDevice } from '../devices/device.ts';
import { pairDevices } from '../pairing/verbs.ts';
import { databaseError } from '../platform/db/database-error.ts';
import { AppError } from '../platform/errors.ts';

/** The report has to be answered within the time of a request. */
const TIME_LIMIT_MS = 15_000;

/**
 * Pairs the agents of an import with their masters, after all lines are registered, so that their order does not matter.
 * An agent that is paired already stays so. Writes into the lines what became of it.
 *
 * @param masters by line.
 */
export async function pairImported(
  deps: ChangeDeps,
  lines: readonly ImportedLine[],
  masters: ReadonlyMap<number, string>,
  origin: AuditOrigin,
): Promise<Receipt> {
  const gathered = gatherChanges(deps.changes);
  const until = deps.clock.monotonic() + TIME_LIMIT_MS;
  for (const line of lines) {
    const master = masters.get(line.line);
    if (master === undefined || line.id === null || line.status === 'error') continue;
    const fault =
      deps.clock.monotonic() < until
        ? await pair({ ...deps, changes: gathered.changes }, line.id, master, origin)
        : 'the time for one request was up: import the file again';
    line.paired = fault === undefined;
    if (fault !== undefined) line.reason = `not paired: ${fault}`;
  }
  return await gathered.flush();
}

/** Why an agent is not paired as its line says, if it is not. */
async function pair(
  deps: ChangeDeps,
  id: string,
  master: string,
  origin: AuditOrigin,
): Promise<string | undefined> {
  try {
    const current = (await findDevice(deps.db, id))?.masterId;
    if (current === master) return undefined;
    if (current) return `it is paired with ${current}`;
    await pairDevices(deps, id, master, { origin, checkVersion: () => {} });
    return undefined;
  } catch (thrown) {
    const error = databaseError(thrown);
    if (!(error instanceof AppError)) throw error;
    return error.message;
  }
}
