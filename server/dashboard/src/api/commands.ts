import { queryOptions } from '@tanstack/react-query';
import type { InferResponseType } from 'hono/client';
import { answer } from './answer.ts';
import { api } from './client.ts';

const all = api.devices[':id'].commands;
const one = all[':command'];

export type DeviceCommand = InferResponseType<typeof all.$get, 200>['items'][number];
export type CommandState = DeviceCommand['state'];
export type CommandPage = InferResponseType<typeof all.$get, 200>;

export interface NewCommand {
  readonly c: string;
  readonly a?: Record<string, unknown>;
  /** Seconds. */
  readonly expiry: number;
}

/** Whether it may still be sent and answered. */
export function isOpen({ state }: Pick<DeviceCommand, 'state'>): boolean {
  return state === 'queued' || state === 'sent';
}

export async function readCommands(
  id: string,
  state: CommandState | undefined,
  cursor: string,
): Promise<CommandPage> {
  const query = { limit: '25', ...(state ? { state } : {}), ...(cursor ? { cursor } : {}) };
  return await answer(all.$get({ param: { id }, query }));
}

export function commandQuery(id: string, command: string) {
  return queryOptions({
    queryKey: ['commands', id, 'one', command],
    queryFn: ({ signal }) => answer(one.$get({ param: { id, command } }, { init: { signal } })),
  });
}

/** A request that is repeated with the same `key` sends nothing again. */
export async function sendCommand(id: string, command: NewCommand, key: string): Promise<DeviceCommand> {
  return await answer<DeviceCommand>(
    all.$post({ param: { id }, query: {}, header: { 'idempotency-key': key }, json: command }),
  );
}

export async function cancelCommand(id: string, command: string): Promise<DeviceCommand> {
  return await answer(one.$delete({ param: { id, command } }));
}
