import { type AuditOrigin, writeAudit } from '../audit/audit.ts';
import type { BrokerChanges } from '../broker/changes.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database, Queryable } from '../platform/db/client.ts';
import { inTransaction } from '../platform/db/transaction.ts';
import { AppError } from '../platform/errors.ts';
import { auditView, type ChangeOutcome, type DeviceRow, findDevice, lockDevice } from './device.ts';

/** What the verbs that change devices need. */
export interface DevicesDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly changes: BrokerChanges;
  /** How long the tokens of a generation live, in seconds. */
  readonly tokenTtlSeconds: number;
}

/** Who asks for a change, and on the sight of which version. */
export interface ChangeRequest {
  readonly origin: AuditOrigin;
  /** Throws when the change was made on the sight of another version than this one. */
  readonly checkVersion: (version: number) => void;
}

/** What became of the device. A change concerns the rules of `others` too. */
export interface Changed {
  readonly changed: boolean;
  readonly others?: readonly string[];
}

export interface ChangeOptions {
  /** `<subject>.<past participle>`, the action in the audit log. */
  readonly action: string;
  /** Locks what has to be locked before the device. */
  readonly lockBefore?: (tx: Queryable) => Promise<void>;
  /** Changes the locked device and raises its version; throws an AppError where its state does not allow the change. */
  readonly change: (tx: Queryable, device: DeviceRow) => Promise<Changed>;
}

/**
 * Changes one device in a transaction, with its entry in the audit log and its sync enqueued, and waits for the broker. A
 * repeated change alters nothing and is not audited again, but the device is synced again, so that its receipt is true too.
 *
 * @throws AppError `not_found`, `precondition_failed`, and what the change throws.
 */
export async function changeDevice(
  deps: Pick<DevicesDeps, 'db' | 'changes'>,
  id: string,
  request: ChangeRequest,
  options: ChangeOptions,
): Promise<ChangeOutcome> {
  const { device, enqueued } = await inTransaction(deps.db, async (tx) => {
    await options.lockBefore?.(tx);
    const before = await lockDevice(tx, id);
    if (!before) throw unknownDevice(id);
    request.checkVersion(before.version);
    const { changed, others = [] } = await options.change(tx, before);
    const after = changed ? ((await findDevice(tx, id)) ?? before) : before;
    if (changed) {
      await writeAudit(tx, {
        ...request.origin,
        action: options.action,
        subject: id,
        before: auditView(before),
        after: auditView(after),
      });
    }
    return { device: after, enqueued: await deps.changes.enqueue(tx, [id, ...others], options.action) };
  });
  return { device, receipt: await deps.changes.flush(enqueued) };
}

export function unknownDevice(id: string): AppError {
  return new AppError('not_found', `Device ${id} not found.`);
}
