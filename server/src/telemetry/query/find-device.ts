import { eq } from 'drizzle-orm';
import type { Queryable } from '../../platform/db/client.ts';
import { telemetryDevices } from '../../platform/db/schema.ts';

const columns = {
  key: telemetryDevices.key,
  retentionDays: telemetryDevices.retentionDays,
  stored: telemetryDevices.stored,
  lost: telemetryDevices.lost,
  repeated: telemetryDevices.repeated,
  rejected: telemetryDevices.rejected,
  lastReceivedAt: telemetryDevices.lastReceivedAt,
};

/** What telemetry knows of a device; nothing before its first message. */
export async function findTelemetryDevice(db: Queryable, deviceId: string) {
  const [row] = await db
    .select(columns)
    .from(telemetryDevices)
    .where(eq(telemetryDevices.deviceId, deviceId));
  return row;
}
