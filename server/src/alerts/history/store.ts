import { and, desc, eq, gte, isNotNull, isNull, lt, type SQL, sql } from 'drizzle-orm';
import type { Alert, AlertQuery, AlertSummary } from '../../../contract/api/alerts.ts';
import { arrayLiteral } from '../../platform/db/array-literal.ts';
import type { Queryable } from '../../platform/db/client.ts';
import { countRows } from '../../platform/db/count-rows.ts';
import { alertDeviceSilences, alertRules, alerts, devices } from '../../platform/db/schema.ts';
import { AppError } from '../../platform/errors.ts';

const latestSilence = sql`greatest(${alerts.silencedUntil}, ${alertRules.silencedUntil}, ${alertDeviceSilences.until})`;

/** Alerts as they are answered. */
function selectAlerts(db: Queryable) {
  return db
    .select({
      id: alerts.id,
      change: alerts.change,
      ruleId: alerts.ruleId,
      ruleName: alerts.ruleName,
      kind: alerts.kind,
      deviceId: alerts.deviceId,
      deviceName: sql<string>`coalesce(${devices.name}, ${alerts.deviceName})`,
      message: alerts.message,
      value: alerts.value,
      firedAt: alerts.firedAt,
      resolvedAt: alerts.resolvedAt,
      resolution: alerts.resolution,
      acknowledgedAt: alerts.acknowledgedAt,
      acknowledgedBy: alerts.acknowledgedBy,
      silencedUntil: sql<Date | null>`case when ${latestSilence} > now() then ${latestSilence} end`.mapWith(
        alerts.silencedUntil,
      ),
    })
    .from(alerts)
    .leftJoin(devices, eq(devices.id, alerts.deviceId))
    .leftJoin(alertRules, eq(alertRules.id, alerts.ruleId))
    .leftJoin(alertDeviceSilences, eq(alertDeviceSilences.deviceId, alerts.deviceId));
}

type SelectedAlert = Awaited<ReturnType<typeof selectAlerts>>[number];

function toAlert(row: SelectedAlert): Alert {
  return {
    id: row.id,
    change: row.change,
    rule: { id: row.ruleId, name: row.ruleName, kind: row.kind },
    device: { id: row.deviceId, name: row.deviceName },
    state: row.resolvedAt === null ? 'firing' : 'resolved',
    message: row.message,
    value: row.value,
    firedAt: row.firedAt.toISOString(),
    resolvedAt: row.resolvedAt?.toISOString() ?? null,
    resolution: row.resolution,
    acknowledgedAt: row.acknowledgedAt?.toISOString() ?? null,
    acknowledgedBy: row.acknowledgedBy,
    silencedUntil: row.silencedUntil?.toISOString() ?? null,
  };
}

/** @throws AppError `not_found`. */
export async function readAlert(db: Queryable, id: number): Promise<Alert> {
  const [row] = await selectAlerts(db).where(eq(alerts.id, id));
  if (!row) throw unknownAlert(id);
  return toAlert(row);
}

/** Alerts by their numbers: the firing ones first, newest first. */
export async function readAlerts(db: Queryable, ids: readonly number[]): Promise<Alert[]> {
  const rows = await selectAlerts(db)
    .where(sql`${alerts.id} = any(${arrayLiteral(ids)}::bigint[])`)
    .orderBy(sql`${alerts.resolvedAt} is not null`, desc(alerts.id));
  return rows.map(toAlert);
}

/** The alerts of a condition in the order in which they changed. */
export async function changedAlerts(db: Queryable, changed: SQL, limit: number): Promise<Alert[]> {
  const rows = await selectAlerts(db).where(changed).orderBy(alerts.changedBy, alerts.id).limit(limit);
  return rows.map(toAlert);
}

/** Alerts of a filter below `before`, newest first. */
export async function listAlerts(
  db: Queryable,
  query: Omit<AlertQuery, 'limit'>,
  before: number | undefined,
  limit: number,
): Promise<Alert[]> {
  const rows = await selectAlerts(db)
    .where(and(matching(query), before === undefined ? undefined : lt(alerts.id, before)))
    .orderBy(desc(alerts.id))
    .limit(limit);
  return rows.map(toAlert);
}

export async function countAlerts(db: Queryable, query: Omit<AlertQuery, 'limit'>): Promise<number> {
  return await countRows(db, alerts, matching(query));
}

function matching(query: Omit<AlertQuery, 'limit'>): SQL | undefined {
  const { state, acknowledged, rule, device, from, to } = query;
  return and(
    state && (state === 'firing' ? isNull(alerts.resolvedAt) : isNotNull(alerts.resolvedAt)),
    acknowledged === undefined
      ? undefined
      : acknowledged
        ? isNotNull(alerts.acknowledgedAt)
        : isNull(alerts.acknowledgedAt),
    rule === undefined ? undefined : eq(alerts.ruleId, rule),
    device === undefined ? undefined : eq(alerts.deviceId, device),
    from && gte(alerts.firedAt, from),
    to && lt(alerts.firedAt, to),
  );
}

export async function summarizeAlerts(db: Queryable): Promise<AlertSummary> {
  const [row] = await db.execute<Record<keyof AlertSummary, number>>(sql`
    select count(*)::int as firing,
      (count(*) filter (where acknowledged_at is null))::int as unacknowledged,
      (count(*) filter (where greatest(alerts.silenced_until, rule.silenced_until, until) > now()))::int as silenced,
      count(distinct alerts.device_id)::int as devices,
      (select count(*)::int from alert_channels where notice is not null) as "disabledChannels"
    from alerts
    left join alert_rules as rule on rule.id = alerts.rule_id
    left join alert_device_silences as silence on silence.device_id = alerts.device_id
    where resolved_at is null`);
  const {
    firing = 0,
    unacknowledged = 0,
    silenced = 0,
    devices: count = 0,
    disabledChannels = 0,
  } = row ?? {};
  return { firing, unacknowledged, silenced, devices: count, disabledChannels };
}

export function unknownAlert(id: number): AppError {
  return new AppError('not_found', id === 0 ? 'Alert not found.' : `Alert ${id} not found.`);
}
