import { isDeepStrictEqual } from 'node:util';
import { eq, sql } from 'drizzle-orm';
import {
  type AlertChannelChange,
  alertTarget,
  MAX_ALERT_CHANNELS,
  type NewAlertChannel,
} from '../../../contract/api/alert-channels.ts';
import { type AuditOrigin, writeAudit } from '../../audit/audit.ts';
import type { Database, Queryable } from '../../platform/db/client.ts';
import { alertChannels } from '../../platform/db/schema.ts';
import { inTransaction } from '../../platform/db/transaction.ts';
import { AppError } from '../../platform/errors.ts';
import type { Random } from '../../platform/random.ts';
import { dropQueued, tellMissed } from '../delivery/outbox.ts';
import { newWebhookSecret } from '../delivery/signature.ts';
import { auditView, type ChannelRow, requireDeliverable, splitTarget, type TargetPolicy } from './channel.ts';
import { lockChannel } from './store.ts';

export interface ChannelDeps {
  readonly db: Database;
  readonly random: Random;
  readonly policy: TargetPolicy;
}

/** Who asks, and based on which version. */
export interface ChannelRequest {
  readonly origin: AuditOrigin;
  /** Throws if the request is based on another version than this one. */
  readonly checkVersion: (version: number) => void;
}

/** @throws AppError `conflict` for too many channels; as `requireDeliverable`. */
export function createChannel(
  { db, random, policy }: ChannelDeps,
  given: NewAlertChannel,
  origin: AuditOrigin,
): Promise<ChannelRow> {
  const { target, token } = splitTarget(given.target);
  requireDeliverable(target, policy);
  return inTransaction(db, async (tx) => {
    await tx.execute(sql`lock table alert_channels in share row exclusive mode`);
    if ((await tx.$count(alertChannels)) >= MAX_ALERT_CHANNELS) {
      throw new AppError('conflict', `There are ${MAX_ALERT_CHANNELS} alert channels, the maximum.`);
    }
    const [row] = await tx
      .insert(alertChannels)
      .values({
        name: given.name,
        kind: target.kind,
        target,
        secret: target.kind === 'webhook' ? newWebhookSecret(random) : (token ?? null),
        enabled: given.enabled,
      })
      .returning();
    if (!row) throw new Error('the channel was not inserted');
    await writeAudit(tx, {
      ...origin,
      action: 'alert_channel.created',
      subject: row.id,
      after: auditView(row),
    });
    return row;
  });
}

/**
 * Changes a channel. One that is disabled drops what it was to be told; enabled again, it is told what it has missed.
 *
 * @throws AppError `not_found`, `precondition_failed`; `validation_failed` for another kind; as `requireDeliverable`.
 */
export function changeChannel(
  { db, policy }: ChannelDeps,
  id: string,
  change: AlertChannelChange,
  { origin, checkVersion }: ChannelRequest,
): Promise<ChannelRow> {
  return inTransaction(db, async (tx) => {
    const before = await lockChannel(tx, id);
    checkVersion(before.version);
    const enabled = change.enabled ?? before.enabled;
    const columns = {
      name: change.name ?? before.name,
      enabled,
      notice: enabled ? null : before.notice,
      ...targetColumns(before, change, policy),
    };
    if (isDeepStrictEqual({ ...before, ...columns }, before)) return before;
    const [after] = await tx
      .update(alertChannels)
      .set({ ...columns, version: sql`${alertChannels.version} + 1` })
      .where(eq(alertChannels.id, id))
      .returning();
    if (!after) throw new Error('the channel was not changed');
    if (before.enabled && !enabled) await dropQueued(tx, id);
    if (!before.enabled && enabled) await tellMissed(tx, id);
    await writeAudit(tx, {
      ...origin,
      action: 'alert_channel.changed',
      subject: id,
      before: auditView(before),
      after: { ...auditView(after), ...changesOfTarget(before, after) },
    });
    return after;
  });
}

/** What the audit log does not show of a channel: that it is sent elsewhere on the same host, or with another token. */
function changesOfTarget(before: ChannelRow, after: ChannelRow): Record<string, boolean> {
  return {
    ...(isDeepStrictEqual(before.target, after.target) ? {} : { targetChanged: true }),
    ...(before.secret === after.secret ? {} : { tokenChanged: true }),
  };
}

function targetColumns(
  before: ChannelRow,
  change: AlertChannelChange,
  policy: TargetPolicy,
): Partial<Pick<ChannelRow, 'target' | 'secret'>> {
  if (!change.target) return {};
  const { target, token } = splitTarget(change.target);
  if (target.kind !== before.kind) {
    throw new AppError('validation_failed', 'The body has invalid values.', {
      faults: [
        { field: '/target/kind', message: `must be ${before.kind}: the kind of a channel does not change` },
      ],
    });
  }
  requireDeliverable(target, policy);
  if (target.kind !== 'ntfy') return { target };
  const former = alertTarget.parse(before.target);
  const sameServer = former.kind === 'ntfy' && new URL(former.url).origin === new URL(target.url).origin;
  return { target, secret: token ?? (sameServer ? before.secret : null) };
}

/**
 * Deletes a channel that no rule names, with its messages.
 *
 * @throws AppError `not_found`, `precondition_failed`; `conflict` where rules name it.
 */
export function deleteChannel(
  db: Database,
  id: string,
  { origin, checkVersion }: ChannelRequest,
): Promise<void> {
  return inTransaction(db, async (tx) => {
    const before = await lockChannel(tx, id);
    checkVersion(before.version);
    await requireUnused(tx, id);
    await tx.delete(alertChannels).where(eq(alertChannels.id, id));
    await writeAudit(tx, {
      ...origin,
      action: 'alert_channel.deleted',
      subject: id,
      before: auditView(before),
    });
  });
}

async function requireUnused(tx: Queryable, id: string): Promise<void> {
  const rules = await tx.execute<{ name: string }>(
    sql`select name from alert_rules where ${id}::uuid = any(channels) order by name limit 4`,
  );
  if (rules.length === 0) return;
  const names = rules.slice(0, 3).map(({ name }) => `"${name}"`);
  throw new AppError(
    'conflict',
    `Alert rules tell this channel: ${names.join(', ')}${rules.length > 3 ? ' and others' : ''}. Remove it from them first.`,
  );
}
