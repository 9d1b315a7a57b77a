import type { BulkKeys } from '../../contract/api/bulk.ts';
import type { AuditOrigin } from '../audit/audit.ts';
import { type KeyDeps, showDeviceKey } from '../devices/operator/show-device-key.ts';

/**
 * The keys of devices as CSV: id, role and key. That each was shown is audited.
 *
 * @throws AppError as `showDeviceKey`, for the first device that fails.
 */
export async function showKeys(
  deps: KeyDeps,
  { ids, role }: BulkKeys,
  host: string,
  origin: AuditOrigin,
): Promise<string> {
  const lines = ['id,role,key\r\n'];
  for (const id of ids) {
    const shown = await showDeviceKey(deps, id, { role }, host, origin);
    // Not by `csvLine`: its apostrophe before a key that begins with `-` would make it a wrong one. A key is 43 characters of
    // `A-Za-z0-9_-`, in which there can be no formula.
    lines.push(`${shown.id},${shown.role},${shown.key}\r\n`);
  }
  return lines.join('');
}
