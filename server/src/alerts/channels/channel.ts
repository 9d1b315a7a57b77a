import {
  type AlertChannel,
  type AlertTarget,
  alertTarget,
  type GivenTarget,
} from '../../../contract/api/alert-channels.ts';
import type { OperatorRole } from '../../../contract/roles.ts';
import type { alertChannels } from '../../platform/db/schema.ts';
import { AppError } from '../../platform/errors.ts';
import { requirePublicLiteral, TargetError } from '../delivery/http-post.ts';

export type ChannelRow = typeof alertChannels.$inferSelect;

/** Which targets this server delivers to. */
export interface TargetPolicy {
  readonly allowPrivate: boolean;
  /** Whether there is an SMTP server. */
  readonly sendsEmail: boolean;
}

/** @param role whose eyes it is for: who has the address of a webhook or topic can post there, which viewers may not. */
export function toAlertChannel(row: ChannelRow, queued: number, role: OperatorRole): AlertChannel {
  const target = alertTarget.parse(row.target);
  return {
    id: row.id,
    name: row.name,
    kind: row.kind,
    enabled: row.enabled,
    target: role === 'admin' ? target : withoutPath(target),
    notice: row.notice,
    queued,
    lastDeliveredAt: row.lastDeliveredAt?.toISOString() ?? null,
    lastFailedAt: row.lastFailedAt?.toISOString() ?? null,
    lastError: row.lastError,
    version: row.version,
    createdAt: row.createdAt.toISOString(),
  };
}

function withoutPath(target: AlertTarget): AlertTarget {
  return target.kind === 'email' ? target : { ...target, url: `${new URL(target.url).origin}/` };
}

/** A target apart from its secret. */
export function splitTarget(given: GivenTarget): {
  readonly target: AlertTarget;
  readonly token: string | undefined;
} {
  if (given.kind !== 'ntfy') return { target: given, token: undefined };
  const { token, ...target } = given;
  return { target, token };
}

/** @throws AppError `validation_failed` for an address that is not public; `conflict` for e-mail without an SMTP server. */
export function requireDeliverable(target: AlertTarget, policy: TargetPolicy): void {
  if (target.kind === 'email') {
    if (!policy.sendsEmail) throw new AppError('conflict', 'E-mail needs SMTP_URL, which is not set.');
    return;
  }
  if (policy.allowPrivate) return;
  try {
    requirePublicLiteral(target.url);
  } catch (error) {
    if (!(error instanceof TargetError)) throw error;
    throw new AppError('validation_failed', 'The body has invalid values.', {
      faults: [{ field: '/target/url', message: error.message }],
    });
  }
}

/** What the audit log keeps of a channel. The address of a webhook or topic may be a secret by itself: only its host. */
export function auditView(row: ChannelRow): Record<string, unknown> {
  const target = alertTarget.parse(row.target);
  const where = target.kind === 'email' ? { to: target.to } : { host: new URL(target.url).host };
  return { name: row.name, kind: row.kind, enabled: row.enabled, ...where };
}
