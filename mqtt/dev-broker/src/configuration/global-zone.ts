import { z } from 'zod';
import { parseBytes, parseDurationMs } from '../quantities.ts';

const bytes = z.union([z.string(), z.number()]).refine((text) => parseBytes(text) !== null);
const duration = z.union([z.string(), z.number()]).refine((text) => parseDurationMs(text) !== null);
const count = z.number().int().nonnegative();
const countOrInfinity = z.union([z.literal('infinity'), count]);
const source = z.enum(['disabled', 'cn', 'dn', 'crt', 'pem', 'md5']);

/** The `mqtt` part of `GET /configs/global_zone` with EMQX's defaults: a field left out of a PUT falls back to them. */
const mqttSchema = z.object({
  exclusive_subscription: z.boolean().default(false),
  max_topic_alias: count.default(65_535),
  use_username_as_clientid: z.boolean().default(false),
  idle_timeout: duration.default('15s'),
  mqueue_store_qos0: z.boolean().default(true),
  session_expiry_interval: duration.default('2h'),
  upgrade_qos: z.boolean().default(false),
  mqueue_priorities: z.union([z.literal('disabled'), z.record(z.string(), count)]).default('disabled'),
  strict_mode: z.boolean().default(false),
  shared_subscription: z.boolean().default(true),
  server_keepalive: z.union([z.literal('disabled'), count]).default('disabled'),
  wildcard_subscription: z.boolean().default(true),
  max_clientid_len: count.default(65_535),
  response_information: z.string().default(''),
  shared_subscription_initial_sticky_pick: z
    .enum(['random', 'local', 'hash_topic', 'hash_clientid'])
    .default('random'),
  max_awaiting_rel: countOrInfinity.default(100),
  peer_cert_as_username: source.default('disabled'),
  client_attrs_init: z.array(z.unknown()).default([]),
  retry_interval: duration.default('infinity'),
  retain_available: z.boolean().default(true),
  message_expiry_interval: duration.default('infinity'),
  ignore_loop_deliver: z.boolean().default(false),
  clientid_override: z.string().default('disabled'),
  max_qos_allowed: z.union([z.literal(0), z.literal(1), z.literal(2)]).default(2),
  max_mqueue_len: countOrInfinity.default(1000),
  max_topic_levels: count.default(128),
  max_subscriptions: countOrInfinity.default('infinity'),
  peer_cert_as_clientid: source.default('disabled'),
  mqueue_default_priority: z.enum(['lowest', 'highest']).default('lowest'),
  max_inflight: count.default(32),
  keepalive_multiplier: z.number().default(1.5),
  shared_subscription_strategy: z
    .enum([
      'random',
      'round_robin',
      'round_robin_per_group',
      'sticky',
      'local',
      'hash_topic',
      'hash_clientid',
    ])
    .default('round_robin'),
  keepalive_check_interval: duration.default('30s'),
  await_rel_timeout: duration.default('300s'),
  max_packet_size: bytes.default('1MB'),
});

/** The whole object: a part left out is an error, as `PUT /configs/global_zone` answers it. */
export const globalZoneSchema = z.object({
  flapping_detect: z.object({
    ban_time: duration.default('5m'),
    enable: z.boolean().default(false),
    max_count: count.default(15),
    window_time: duration.default('1m'),
  }),
  force_gc: z.object({
    bytes: bytes.default('16MB'),
    count: count.default(16_000),
    enable: z.boolean().default(true),
  }),
  force_shutdown: z.object({
    enable: z.boolean().default(true),
    max_heap_size: bytes.default('32MB'),
    max_mailbox_size: count.default(1000),
  }),
  mqtt: mqttSchema,
  durable_sessions: z
    .object({
      batch_size: count.default(100),
      enable: z.boolean().default(false),
      heartbeat_interval: duration.default('5000ms'),
      idle_poll_interval: duration.default('10s'),
      message_retention_period: duration.default('1d'),
      session_gc_batch_size: count.default(100),
      session_gc_interval: duration.default('10m'),
    })
    .prefault({}),
});

export type GlobalZone = z.infer<typeof globalZoneSchema>;

/** What the broker acts on, in plain units. */
export interface ZoneLimits {
  maxPacketBytes: number;
  maxTopicLevels: number;
  maxInflight: number;
  maxQueue: number;
  sessionExpiryMs: number;
  ignoreLoopDeliver: boolean;
  upgradeQos: boolean;
  keepaliveMultiplier: number;
  /** How long a message waits at most, or infinity. */
  messageExpiryMs: number;
}

export function zoneLimits({ mqtt }: Pick<GlobalZone, 'mqtt'>): ZoneLimits {
  return {
    maxPacketBytes: parseBytes(mqtt.max_packet_size) ?? 1024 ** 2,
    maxTopicLevels: mqtt.max_topic_levels,
    maxInflight: mqtt.max_inflight === 0 ? Number.POSITIVE_INFINITY : mqtt.max_inflight,
    maxQueue: unlimited(mqtt.max_mqueue_len),
    sessionExpiryMs: parseDurationMs(mqtt.session_expiry_interval) ?? 7_200_000,
    ignoreLoopDeliver: mqtt.ignore_loop_deliver,
    upgradeQos: mqtt.upgrade_qos,
    keepaliveMultiplier: mqtt.keepalive_multiplier,
    messageExpiryMs: parseDurationMs(mqtt.message_expiry_interval) ?? Number.POSITIVE_INFINITY,
  };
}

function unlimited(value: number | 'infinity'): number {
  return value === 'infinity' || value === 0 ? Number.POSITIVE_INFINITY : value;
}
