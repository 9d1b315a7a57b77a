import { hash } from 'node:crypto';
import type { CommandRequest } from '../../contract/api/commands.ts';
import { MAX_COMMAND_BYTES } from '../../contract/messages.ts';
import { AppError } from '../platform/errors.ts';
import type { Random } from '../platform/random.ts';

/** Open commands of one device. */
export const MAX_OPEN = 16;
const ID_BYTES = 9;
const ID_CHARACTERS = 12;
/** Each level takes a bracket at either end: deeper arguments cannot fit into a message. */
const MAX_LEVELS = MAX_COMMAND_BYTES / 2;

export function commandId(random: Random): string {
  return Buffer.from(random.bytes(ID_BYTES)).toString('base64url');
}

/** By which a repeated request is told from another one with the same idempotency key. */
export function hashRequest(parts: readonly unknown[]): string {
  return hash('sha256', JSON.stringify(parts));
}

/**
 * Writes the messages of a command, by id.
 *
 * @throws AppError `validation_failed` for a command that is too large.
 */
export function commandMessage({ c, a }: Pick<CommandRequest, 'c' | 'a'>): (id: string) => string {
  // First, since JSON.stringify runs out of stack at some depth.
  if (isDeeper(a, MAX_LEVELS)) throw tooLarge(`more than ${MAX_COMMAND_BYTES}`);
  const { before, behind } = messageParts({ c, a });
  const bytes = Buffer.byteLength(before) + ID_CHARACTERS + Buffer.byteLength(behind);
  if (bytes > MAX_COMMAND_BYTES) throw tooLarge(String(bytes));
  return (id) => before + id + behind;
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}

function tooLarge(bytes: string): AppError {
  return new AppError('validation_failed', 'The command is too large.', {
    faults: [
      { field: '/a', message: `makes a message of ${bytes} bytes; the maximum is ${MAX_COMMAND_BYTES}` },
    ],
  });
}

/** What stands before and behind the id, which is base64url and needs no escapes. */
function messageParts({ c, a }: Pick<CommandRequest, 'c' | 'a'>) {
  return {
    before: `{"c":${JSON.stringify(c)},"i":"`,
    behind: a === undefined ? '"}' : `","a":${JSON.stringify(a)}}`,
  };
}

export function keyOfAnother(): AppError {
  return new AppError('validation_failed', 'The idempotency key was used for another command.', {
    faults: [{ field: 'Idempotency-Key', message: 'was used for another command' }],
  });
}
