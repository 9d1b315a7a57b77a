import { writeAudit } from '../../src/audit/audit.ts';
import type { Queryable } from '../../src/platform/db/client.ts';
import { commands } from '../../src/platform/db/schema.ts';
import type { Random } from '../../src/platform/random.ts';
import type { DemoDevice } from './cast.ts';

const HOUR_MS = 3_600_000;
const ANSWERED_AFTER_MS = 240;

/** What operators asked of a device, how many hours ago, and what came of it. */
const ASKED = [
  { hoursAgo: 150, c: 'LED', a: { on: true }, state: 'done', result: { on: true } },
  { hoursAgo: 98, c: 'READ', state: 'done', result: { temp: 18.4 } },
  { hoursAgo: 51, c: 'REBOOT', state: 'failed', error: 'unknown command' },
  { hoursAgo: 30, c: 'LED', a: { on: false }, state: 'expired', error: undefined },
  { hoursAgo: 5, c: 'LED', a: { on: false }, state: 'done', result: { on: false } },
] as const;

/** Inserts the commands that an operator has sent to a device in the week before. */
export async function insertCommands(
  tx: Queryable,
  device: DemoDevice,
  { nowMs, operator, random }: { readonly nowMs: number; readonly operator: string; readonly random: Random },
): Promise<void> {
  // One after the other: nobody commands all devices in the same second.
  const sent = ASKED.map((asked) => ({
    ...asked,
    hoursAgo: asked.hoursAgo * (0.1 + device.place),
    id: Buffer.from(random.bytes(9)).toString('base64url'),
  }));
  await writeAudit(
    tx,
    ...sent.map(({ id, c, hoursAgo }) => ({
      at: new Date(nowMs - hoursAgo * HOUR_MS),
      actorKind: 'operator' as const,
      actor: operator,
      action: 'command.queued',
      subject: device.uuid,
      after: { command: id, c },
    })),
  );
  await tx.insert(commands).values(
    sent.map((asked) => {
      const { id } = asked;
      const a = 'a' in asked ? asked.a : undefined;
      const created = nowMs - asked.hoursAgo * HOUR_MS;
      const answered = asked.state !== 'expired';
      const finishedAt = new Date(answered ? created + ANSWERED_AFTER_MS : created + HOUR_MS);
      return {
        id,
        deviceId: device.uuid,
        name: asked.c,
        payload: JSON.stringify({ c: asked.c, i: id, ...(a ? { a } : {}) }),
        state: asked.state,
        requestHash: '',
        createdBy: operator,
        createdAt: new Date(created),
        expiresAt: new Date(created + HOUR_MS),
        attempts: answered ? 1 : 0,
        attemptedAt: answered ? new Date(created) : null,
        nextAttemptAt: new Date(created),
        sentAt: answered ? new Date(created) : null,
        finishedAt,
        repliedAt: answered ? finishedAt : null,
        replies: answered ? 1 : 0,
        result: 'result' in asked ? JSON.stringify(asked.result) : null,
        error: 'error' in asked ? (asked.error ?? null) : null,
      };
    }),
  );
}
