import type { Device } from '../../api/fleet.ts';
import { AuditList } from '../audit/audit-list.tsx';

/** What operators, the device itself and the server did about it. */
export function DeviceHistory({ device }: { readonly device: Device }) {
  return (
    <div className="card">
      <AuditList query={{ subject: device.id }} about={device.id} />
    </div>
  );
}
