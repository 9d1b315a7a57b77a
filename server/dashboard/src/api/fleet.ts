import { queryOptions } from '@tanstack/react-query';
import type { InferRequestType, InferResponseType } from 'hono/client';
import { answer } from './answer.ts';
import { api } from './client.ts';

export type Session = InferResponseType<typeof api.session.$get>;
export type Device = InferResponseType<(typeof api.devices)[':id']['$get']>;
export type Change = InferResponseType<(typeof api.devices)[':id']['revoke']['$post']>;
export type Receipt = Change['receipt'];
export type AuditEntry = InferResponseType<typeof api.audit.$get>['items'][number];
export type Summary = InferResponseType<typeof api.devices.summary.$get>;

export type DeviceQuery = InferRequestType<typeof api.devices.$get>['query'];
export type DeviceFilter = Pick<
  DeviceQuery,
  'q' | 'role' | 'state' | 'online' | 'master' | 'tag' | 'flapping'
>;
export type AuditQuery = InferRequestType<typeof api.audit.$get>['query'];

export function summaryQuery(filter: DeviceFilter) {
  return queryOptions({
    queryKey: ['summary', filter],
    queryFn: ({ signal }) => answer(api.devices.summary.$get({ query: filter }, { init: { signal } })),
  });
}

export function devicesQuery(query: DeviceQuery) {
  return queryOptions({
    queryKey: ['devices', query],
    queryFn: ({ signal }) => answer(api.devices.$get({ query }, { init: { signal } })),
  });
}

export function deviceQuery(id: string) {
  return queryOptions({
    queryKey: ['device', id],
    queryFn: ({ signal }) => answer(api.devices[':id'].$get({ param: { id } }, { init: { signal } })),
  });
}

export function auditQuery(query: AuditQuery) {
  return queryOptions({
    queryKey: ['audit', query],
    queryFn: ({ signal }) => answer(api.audit.$get({ query }, { init: { signal } })),
  });
}

/** What a device is called: its name, else the beginning of its UUID. */
export function deviceTitle(device: { readonly id: string; readonly name: string }): string {
  return device.name || device.id.slice(0, 8);
}

export type DeviceKey = InferResponseType<(typeof api.devices)[':id']['key']['$post']>;

/** Computes the key of a device. That it was shown is audited. */
export async function showKey(id: string, host: string): Promise<DeviceKey> {
  return await answer(api.devices[':id'].key.$post({ param: { id }, json: host ? { host } : {} }));
}
