import { eq, sql } from 'drizzle-orm';
import { type AuditOrigin, writeAudit } from '../../audit/audit.ts';
import { alertChannels } from '../../platform/db/schema.ts';
import { inTransaction } from '../../platform/db/transaction.ts';
import { AppError } from '../../platform/errors.ts';
import { newWebhookSecret } from '../delivery/signature.ts';
import type { ChannelDeps } from './change-channel.ts';
import { lockChannel } from './store.ts';

const OVERLAP_HOURS = 24;

/**
 * Replaces the secret of a webhook. For a day its messages are signed with both, so that the receiver can follow.
 *
 * @throws AppError `not_found`; `conflict` for a channel that is no webhook.
 */
export function replaceSecret({ db, random }: ChannelDeps, id: string, origin: AuditOrigin): Promise<string> {
  return inTransaction(db, async (tx) => {
    const { kind, name, secret: former } = await lockChannel(tx, id);
    if (kind !== 'webhook') throw new AppError('conflict', 'Only webhooks have a signing secret.');
    const secret = newWebhookSecret(random);
    await tx
      .update(alertChannels)
      .set({
        secret,
        formerSecret: former,
        formerSecretUntil: sql`now() + make_interval(hours => ${OVERLAP_HOURS})`,
        version: sql`${alertChannels.version} + 1`,
      })
      .where(eq(alertChannels.id, id));
    await writeAudit(tx, {
      ...origin,
      action: 'alert_channel.secret_replaced',
      subject: id,
      after: { name, kind },
    });
    return secret;
  });
}
