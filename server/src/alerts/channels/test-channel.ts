import type { ChannelTest } from '../../../contract/api/alert-channels.ts';
import { type AuditOrigin, writeAudit } from '../../audit/audit.ts';
import type { Clock } from '../../platform/clock.ts';
import { newMessageId } from '../delivery/collect.ts';
import { testNotification } from '../delivery/notification.ts';
import type { Send } from '../delivery/send.ts';
import type { ChannelDeps } from './change-channel.ts';
import { readChannel } from './store.ts';

export interface TestDeps extends ChannelDeps {
  readonly clock: Clock;
  readonly send: Send;
}

/**
 * Sends a test message at once, whether or not the channel is enabled, and tells what became of it. It is not tried again.
 *
 * @throws AppError `not_found`.
 */
export async function testChannel(
  { db, clock, random, send }: TestDeps,
  id: string,
  origin: AuditOrigin,
): Promise<ChannelTest> {
  const channel = await readChannel(db, id);
  const content = JSON.stringify(testNotification(channel.name, clock.now()));
  const { result } = await send(channel, { id: newMessageId(random), content });
  const { delivered, status, error } = result;
  await writeAudit(db, {
    ...origin,
    action: 'alert_channel.tested',
    subject: id,
    after: { name: channel.name, kind: channel.kind, delivered, status, error },
  });
  return result;
}
