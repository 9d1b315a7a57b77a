import { hc } from 'hono/client';
import type { OperatorApi } from './operator-api.ts';

interface ClientOptions {
  /** Sent as `Authorization: Bearer`; a page of the server's own needs none, its cookie is sent along. */
  readonly apiKey?: string;
  readonly fetch?: typeof fetch;
}

/** A typed client for `/api/v1` of the server at `url`. */
export function createApiClient(url: string, options: ClientOptions = {}) {
  return hc<OperatorApi>(`${url}/api/v1`, {
    headers: options.apiKey === undefined ? {} : { Authorization: `Bearer ${options.apiKey}` },
    ...(options.fetch ? { fetch: options.fetch } : {}),
  });
}
