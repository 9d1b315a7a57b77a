import { and, eq, inArray, sql } from 'drizzle-orm';
import type { CommandRequest } from '../../contract/api/commands.ts';
import { type AuditOrigin, writeAudit } from '../audit/audit.ts';
import { unknownDevice } from '../devices/change-device.ts';
import { lockDevice } from '../devices/device.ts';
import type { Database } from '../platform/db/client.ts';
import { commands } from '../platform/db/schema.ts';
import { inTransaction } from '../platform/db/transaction.ts';
import { AppError } from '../platform/errors.ts';
import type { Random } from '../platform/random.ts';
import type { CommandRow } from './command.ts';
import { commandId, commandMessage, hashRequest, keyOfAnother, MAX_OPEN } from './request.ts';

export interface CreateCommandDeps {
  readonly db: Database;
  readonly random: Random;
}

/**
 * Queues a command. A request with the idempotency key of an earlier one changes nothing.
 *
 * @throws AppError `not_found`; `conflict` for a device that is not active or has 16 open commands; `validation_failed` for
 * a message that is too large, or a key that was used for another command.
 */
export function createCommand(
  deps: CreateCommandDeps,
  deviceId: string,
  request: CommandRequest,
  key: string | undefined,
  origin: AuditOrigin,
): Promise<{ readonly command: CommandRow; readonly created: boolean }> {
  const id = commandId(deps.random);
  const payload = commandMessage(request)(id);
  const requestHash = hashRequest([request.c, request.a ?? null, request.expiry]);
  return inTransaction(deps.db, async (tx) => {
    // Commands of a device are created one after the other, so that their numbers have the order of their transactions.
    const device = await lockDevice(tx, deviceId);
    if (!device) throw unknownDevice(deviceId);
    if (key !== undefined) {
      const [known] = await tx
        .select()
        .from(commands)
        .where(and(eq(commands.deviceId, deviceId), eq(commands.idempotencyKey, key)));
      if (known && known.requestHash !== requestHash) throw keyOfAnother();
      if (known) return { command: known, created: false };
    }
    if (device.state !== 'active') throw new AppError('conflict', `The device is ${device.state}.`);
    const open = await tx.$count(
      commands,
      and(eq(commands.deviceId, deviceId), inArray(commands.state, ['queued', 'sent'])),
    );
    if (open >= MAX_OPEN) {
      throw new AppError('conflict', `The device has ${MAX_OPEN} open commands, the maximum.`);
    }
    const [command] = await tx
      .insert(commands)
      .values({
        id,
        deviceId,
        name: request.c,
        payload,
        requestHash,
        createdBy: origin.actor,
        idempotencyKey: key ?? null,
        expiresAt: sql`now() + make_interval(secs => ${request.expiry})`,
      })
      .returning();
    if (!command) throw new Error('the command was not inserted');
    // Without the arguments, which may hold secrets.
    await writeAudit(tx, {
      ...origin,
      action: 'command.queued',
      subject: deviceId,
      after: { command: id, c: request.c },
    });
    return { command, created: true };
  });
}
