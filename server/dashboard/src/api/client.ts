import { createApiClient } from '../../../src/api/client.ts';

/** `/api/v1` of the server that this page came from; the session cookie is sent along. */
export const api = createApiClient(location.origin);

/** The header that makes a change conditional on the version that the operator saw. */
export function ifVersion(version: number): { readonly headers: Record<string, string> } {
  return { headers: { 'If-Match': `"${version}"` } };
}
