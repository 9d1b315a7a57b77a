import type { BulkAction, BulkReport, BulkResult } from '../../contract/api/bulk.ts';
import type { AuditOrigin } from '../audit/audit.ts';
import { gatherChanges } from '../broker/gather-changes.ts';
import type { ChangeDeps, ChangeRequest } from '../devices/change-device.ts';
import { type DeviceRow, toDeviceAnswer } from '../devices/device.ts';
import { approveDevice } from '../devices/lifecycle/approve-device.ts';
import { restoreDevice } from '../devices/lifecycle/restore-device.ts';
import { revokeDevice } from '../devices/lifecycle/revoke-device.ts';
import { rotateDevice } from '../devices/lifecycle/rotate-device.ts';
import { tagDevice } from '../devices/operator/edit-device.ts';
import { problemOf } from '../http/problem-answer.ts';
import { pairDevices, unpairDevice } from '../pairing/verbs.ts';
import { databaseError } from '../platform/db/database-error.ts';
import { AppError } from '../platform/errors.ts';

/** What is left when this is over is skipped, so that the request ends with its report. */
const TIME_LIMIT_MS = 15_000;

/**
 * Applies one action to each device on its own, so that one that fails does not keep the others back, and waits once for
 * the broker.
 *
 * @throws what is neither the fault of a device nor of the database.
 */
export async function runAction(
  deps: ChangeDeps,
  action: BulkAction,
  origin: AuditOrigin,
): Promise<BulkReport> {
  const gathered = gatherChanges(deps.changes);
  const verb = verbOf({ ...deps, changes: gathered.changes }, action);
  const until = deps.clock.monotonic() + TIME_LIMIT_MS;
  const results: BulkResult[] = [];
  for (const id of action.ids) {
    results.push(deps.clock.monotonic() < until ? await runOne(verb, id, origin) : { id, status: 'skipped' });
  }
  const count = (status: BulkResult['status']) => results.filter((result) => result.status === status).length;
  return {
    changed: count('changed'),
    unchanged: count('unchanged'),
    failed: count('failed'),
    skipped: count('skipped'),
    results,
    receipt: await gathered.flush(),
  };
}

type Verb = (id: string, request: ChangeRequest) => Promise<DeviceRow>;

function verbOf(deps: ChangeDeps, action: BulkAction): Verb {
  switch (action.action) {
    case 'approve':
      return async (id, request) => (await approveDevice(deps, id, request)).device;
    case 'revoke':
      return async (id, request) =>
        (await revokeDevice(deps, id, { ...request, reason: action.reason })).device;
    case 'restore':
      return async (id, request) => (await restoreDevice(deps, id, request)).device;
    case 'rotate':
      return async (id, request) => (await rotateDevice(deps, id, request, { key: action.key })).device;
    case 'tag':
      return (id, request) => tagDevice(deps, id, { add: action.add, remove: action.remove }, request);
    case 'pair':
      return async (id, request) => (await pairDevices(deps, id, action.master, request)).device;
    case 'unpair':
      return async (id, request) => (await unpairDevice(deps, id, request)).device;
  }
}

async function runOne(verb: Verb, id: string, origin: AuditOrigin): Promise<BulkResult> {
  let before: number | undefined;
  try {
    const device = await verb(id, {
      origin,
      checkVersion: (version) => {
        before = version;
      },
    });
    const status = device.version === before ? 'unchanged' : 'changed';
    return { id, status, device: toDeviceAnswer(device) };
  } catch (thrown) {
    const error = databaseError(thrown);
    if (!(error instanceof AppError)) throw error;
    return { id, status: 'failed', problem: problemOf(error) };
  }
}
