import { queryOptions } from '@tanstack/react-query';
import type { InferRequestType, InferResponseType } from 'hono/client';
import { answer } from './answer.ts';
import { api, ifVersion } from './client.ts';

const all = api['alert-channels'];
const one = all[':id'];

export type AlertChannel = InferResponseType<typeof one.$get, 200>;
export type ChannelKind = AlertChannel['kind'];
export type NewAlertChannel = InferRequestType<typeof all.$post>['json'];
export type AlertChannelChange = InferRequestType<typeof one.$patch>['json'];
export type CreatedAlertChannel = InferResponseType<typeof all.$post, 201>;
export type ChannelTest = InferResponseType<typeof one.test.$post, 200>;
export type AlertDeliveryPage = InferResponseType<typeof one.deliveries.$get, 200>;
export type AlertDelivery = AlertDeliveryPage['items'][number];
export type DeliveryState = AlertDelivery['state'];

export function alertChannelsQuery() {
  return queryOptions({
    queryKey: ['alert-channels', 'list'],
    queryFn: async ({ signal }) => (await answer(all.$get({}, { init: { signal } }))).items,
  });
}

export function alertChannelQuery(id: string) {
  return queryOptions({
    queryKey: ['alert-channels', 'one', id],
    queryFn: ({ signal }) => answer(one.$get({ param: { id } }, { init: { signal } })),
  });
}

export async function readDeliveries(
  id: string,
  state: DeliveryState | undefined,
  cursor: string,
): Promise<AlertDeliveryPage> {
  const query = { limit: '25', ...(state ? { state } : {}), ...(cursor ? { cursor } : {}) };
  return await answer(one.deliveries.$get({ param: { id }, query }));
}

export async function createChannel(channel: NewAlertChannel): Promise<CreatedAlertChannel> {
  return await answer(all.$post({ json: channel }));
}

/** @throws RequestFailure `precondition-failed` if the channel has another version than the one that was seen. */
export async function changeChannel(
  id: string,
  version: number,
  change: AlertChannelChange,
): Promise<AlertChannel> {
  return await answer(one.$patch({ param: { id }, json: change }, ifVersion(version)));
}

/** @throws RequestFailure `precondition-failed`; `conflict` while rules name it. */
export async function deleteChannel({ id, version }: Pick<AlertChannel, 'id' | 'version'>): Promise<void> {
  await answer(one.$delete({ param: { id } }, ifVersion(version)));
}

/** Sends a test message, and tells what the receiver answered. */
export async function testChannel(id: string): Promise<ChannelTest> {
  return await answer(one.test.$post({ param: { id } }));
}

/** Replaces the signing secret of a webhook. */
export async function replaceSecret(id: string): Promise<string> {
  return (await answer(one.secret.$post({ param: { id } }))).secret;
}
