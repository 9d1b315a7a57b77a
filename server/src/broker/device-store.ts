import { and, asc, eq, gt, isNotNull, lt, sql } from 'drizzle-orm';
import type { DeviceState } from '../../contract/roles.ts';
import { linkTopic } from '../../contract/topics.ts';
import { oneOf, type Queryable } from '../platform/db/client.ts';
import { brokerChanges, devices, usernameBans } from '../platform/db/schema.ts';
import { mqttUsername } from '../tokens/token.ts';
import type { QueuedDevice } from './changes.ts';
import { allow, type Rule } from './desired-state.ts';

/** What the broker should hold about one device; nothing of it for a device that does not exist. */
export interface DeviceOnBroker {
  /** User name of the only session it may have; none where it may have no session. */
  readonly username: string | undefined;
  /** Its rules beyond those for all, sorted by topic. */
  readonly rules: readonly Rule[];
  readonly banned: boolean;
  readonly bannedUsernames: readonly UsernameBan[];
}

export interface UsernameBan {
  readonly username: string;
  /** Unix milliseconds. */
  readonly until: number;
}

/** What the session of a device on the broker is compared with. */
export interface SessionOwner {
  readonly id: string;
  readonly state: DeviceState;
  readonly generation: number;
}

/** What the broker should hold about a device now. */
export async function readDeviceOnBroker(db: Queryable, id: string, now: number): Promise<DeviceOnBroker> {
  const [device] = await ownersOf(db, [id]);
  const links = await linkRules(db, [id]);
  const bans = await db
    .select({ username: usernameBans.username, until: usernameBans.until })
    .from(usernameBans)
    .where(and(eq(usernameBans.deviceId, id), gt(usernameBans.until, new Date(now))))
    .orderBy(asc(usernameBans.username));
  return {
    username: device?.state === 'active' ? mqttUsername(id, device.generation) : undefined,
    rules: links.get(id) ?? [],
    banned: device?.state === 'revoked',
    bannedUsernames: bans.map(({ username, until }) => ({ username, until: until.getTime() })),
  };
}

export async function ownersOf(db: Queryable, ids: readonly string[]): Promise<SessionOwner[]> {
  if (ids.length === 0) return [];
  return await db
    .select({ id: devices.id, state: devices.state, generation: devices.generation })
    .from(devices)
    .where(oneOf(devices.id, ids));
}

/** The link rules of devices, sorted by topic, by device; a device without links is not in the answer. */
export async function linkRules(db: Queryable, ids: readonly string[]): Promise<Map<string, Rule[]>> {
  const rules = new Map<string, Rule[]>();
  if (ids.length === 0) return rules;
  const add = (owner: string, other: string) => {
    const rule = allow(linkTopic(other), 'all');
    const present = rules.get(owner);
    if (present) present.push(rule);
    else rules.set(owner, [rule]);
  };
  const pair = { agentId: devices.id, masterId: devices.masterId };
  const asAgents = await db
    .select(pair)
    .from(devices)
    .where(and(oneOf(devices.id, ids), isNotNull(devices.masterId)));
  for (const { agentId, masterId } of asAgents) if (masterId !== null) add(agentId, masterId);
  const asMasters = await db
    .select(pair)
    .from(devices)
    .where(oneOf(devices.masterId, ids))
    .orderBy(asc(devices.id));
  for (const { agentId, masterId } of asMasters) if (masterId !== null) add(masterId, agentId);
  return rules;
}

/** Ids of devices that are paired, agents and masters, in order, above `after`. */
export async function pairedIds(db: Queryable, after: string, limit: number): Promise<string[]> {
  const rows = await db.execute<{ id: string }>(sql`
    select id from (
      (select id from devices where master_id is not null and id > ${after}::uuid order by id limit ${limit})
      union
      (select distinct master_id from devices where master_id > ${after}::uuid order by master_id limit ${limit})
    ) as paired (id) order by id limit ${limit}`);
  return rows.map(({ id }) => id);
}

/** Ids of revoked devices, in order, above `after`. */
export async function revokedIds(db: Queryable, after: string, limit: number): Promise<string[]> {
  const rows = await db
    .select({ id: devices.id })
    .from(devices)
    .where(and(eq(devices.state, 'revoked'), gt(devices.id, after)))
    .orderBy(asc(devices.id))
    .limit(limit);
  return rows.map(({ id }) => id);
}

/** User names that are banned beyond `now`, in order, above `after`. */
export async function usernameBansPage(
  db: Queryable,
  after: string,
  limit: number,
  now: number,
): Promise<UsernameBan[]> {
  const rows = await db
    .select({ username: usernameBans.username, until: usernameBans.until })
    .from(usernameBans)
    .where(and(gt(usernameBans.username, after), gt(usernameBans.until, new Date(now))))
    .orderBy(asc(usernameBans.username))
    .limit(limit);
  return rows.map(({ username, until }) => ({ username, until: until.getTime() }));
}

/** Forgets bans of user names whose last token has expired. */
export async function removeExpiredBans(db: Queryable, now: number): Promise<void> {
  await db.delete(usernameBans).where(lt(usernameBans.until, new Date(now)));
}

/**
 * Devices with queued changes, urgent ones first, then one of each change in turn, without those that are `resting`: a
 * change of thousands of devices does not hold up a later one of a few. A change's rows share the time of its transaction.
 */
export async function queuedDevices(
  db: Queryable,
  resting: readonly string[],
  limit: number,
): Promise<QueuedDevice[]> {
  const rows = await db.execute<QueuedDevice & Record<string, unknown>>(sql`
    select device_id as id, json_agg(id order by id) as rows from (
      select id, device_id, urgent, row_number() over (partition by created_at order by id) as turn from broker_changes
      where device_id not in (select value::uuid from json_array_elements_text(${JSON.stringify(resting)}::json))
    ) as queued
    group by device_id order by bool_or(urgent) desc, min(turn), min(id) limit ${limit}`);
  return rows.map(({ id, rows: own }) => ({ id, rows: own }));
}

/** Those of `ids` that have queued changes. */
export async function queuedAmong(db: Queryable, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const rows = await db
    .select({ id: brokerChanges.deviceId })
    .from(brokerChanges)
    .where(oneOf(brokerChanges.deviceId, ids))
    .groupBy(brokerChanges.deviceId);
  return rows.map(({ id }) => id);
}

/** Devices with urgent changes that have waited for `ageMs`, oldest first, without those of `except`. */
export async function urgentDevices(
  db: Queryable,
  except: readonly string[],
  ageMs: number,
  limit: number,
): Promise<QueuedDevice[]> {
  const rows = await db.execute<QueuedDevice & Record<string, unknown>>(sql`
    select device_id as id, json_agg(id order by id) as rows from broker_changes
    where urgent and created_at < now() - make_interval(secs => ${ageMs / 1_000})
      and device_id not in (select value::uuid from json_array_elements_text(${JSON.stringify(except)}::json))
    group by device_id order by min(id) limit ${limit}`);
  return rows.map(({ id, rows: own }) => ({ id, rows: own }));
}

/** Removes changes that were applied, and no others: one that was enqueued meanwhile stays. */
export async function removeChanges(db: Queryable, rows: readonly number[]): Promise<void> {
  await db
    .delete(brokerChanges)
    .where(
      sql`${brokerChanges.id} in (select value::bigint from json_array_elements_text(${JSON.stringify(rows)}::json))`,
    );
}

/** How many changes wait, and for how long the oldest has, by the database's clock. */
export async function queueState(
  db: Queryable,
): Promise<{ readonly length: number; readonly oldestSeconds: number | null }> {
  const [row] = await db.execute<{ length: number; seconds: number | null }>(sql`
    select count(*)::int as length, floor(extract(epoch from now() - min(created_at)))::int as seconds
    from broker_changes`);
  return { length: row?.length ?? 0, oldestSeconds: row?.seconds ?? null };
}
