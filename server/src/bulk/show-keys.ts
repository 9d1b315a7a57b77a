import type { BulkKeys } from '../../contract/api/bulk.ts';
import type { AuditOrigin } from '../audit/audit.ts';
import { type KeyDeps, showDeviceKey } from '../devices/operator/show-device-key.ts';
import { csvLine } from '../platform/csv.ts';

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
  const lines = [csvLine(['id', 'role', 'key'])];
  for (const id of ids) {
    const shown = await showDeviceKey(deps, id, { role }, host, origin);
    lines.push(csvLine([shown.id, shown.role, shown.key]));
  }
  return lines.join('');
}
