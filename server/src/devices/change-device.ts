import { type AuditOrigin, writeAudit } from '../audit/audit.ts';
import type { BrokerChanges, EnqueuedChange } from '../broker/changes.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database, Queryable } from '../platform/db/client.ts';
import { inTransaction } from '../platform/db/transaction.ts';
import { AppError } from '../platform/errors.ts';
import { auditView, type ChangeOutcome, type DeviceRow, findDevice, lockDevice } from './device.ts';

/** What the verbs that change devices need. */
export interface ChangeDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly changes: BrokerChanges;
  /** How long the tokens of a generation live, in seconds. */
  readonly tokenTtlSeconds: number;
}

/** Who asks for a change, and based on which version. */
export interface ChangeRequest {
  readonly origin: AuditOrigin;
  /** Throws if the request is based on another version than this one. */
  readonly checkVersion: (version: number) => void;
  /** Why, in the operator's words. */
  readonly reason?: string | undefined;
}

/** Whether the device changed, and the other devices whose rules that concerns. */
export interface Changed {
  readonly changed: boolean;
  readonly others?: readonly string[];
}

/** A kind of change and how to apply it. */
export interface Change {
  /** `<subject>.<past participle>`, the action in the audit log. */
  readonly action: string;
  /** Changes or removes the locked device; throws an AppError where its state does not allow that. */
  readonly apply: (tx: Queryable, device: DeviceRow) => Promise<Changed>;
}

interface ChangeOptions extends Change {
  /** Locks what has to be locked before the device. */
  readonly lockBefore?: (tx: Queryable) => Promise<void>;
}

/**
 * Changes one device in a transaction and waits for the broker.
 *
 * @throws AppError `not_found`, `precondition_failed`, and what the change throws.
 */
export async function changeDevice(
  deps: Pick<ChangeDeps, 'db' | 'changes'>,
  id: string,
  request: ChangeRequest,
  options: ChangeOptions,
): Promise<ChangeOutcome> {
  const { device, enqueued } = await inTransaction(deps.db, async (tx) => {
    await options.lockBefore?.(tx);
    const before = await lockDevice(tx, id);
    if (!before) throw unknownDevice(id);
    request.checkVersion(before.version);
    return await applyChange(tx, deps, before, request.origin, options, request.reason);
  });
  return { device, receipt: await deps.changes.flush(enqueued) };
}

/**
 * Changes a locked device, with its entry in the audit log, and enqueues its sync. A repeated change alters nothing and is
 * not audited again, but the device is synced again, so that the receipt is true too.
 *
 * @returns the device as it is now, or was before it was removed, and the change to flush after the commit.
 */
export async function applyChange(
  tx: Queryable,
  deps: Pick<ChangeDeps, 'changes'>,
  before: DeviceRow,
  origin: AuditOrigin,
  { action, apply }: Change,
  reason?: string,
): Promise<{ readonly device: DeviceRow; readonly enqueued: EnqueuedChange }> {
  const { id } = before;
  const { changed, others = [] } = await apply(tx, before);
  const after = changed ? await findDevice(tx, id) : before;
  if (changed) {
    await writeAudit(tx, {
      ...origin,
      action,
      subject: id,
      before: auditView(before),
      after: after && { ...auditView(after), ...(reason === undefined ? {} : { reason }) },
    });
  }
  return { device: after ?? before, enqueued: await deps.changes.enqueue(tx, [id, ...others], action) };
}

export function unknownDevice(id: string): AppError {
  return new AppError('not_found', `Device ${id} not found.`);
}
