import { z } from 'zod';
import type { ZoneName } from '../sessions/client.ts';
import { delayedSchema } from './delayed.ts';
import { globalZoneSchema, type ZoneLimits, zoneLimits } from './global-zone.ts';
import { isTree, mergeTrees, type Tree } from './hocon.ts';
import { retainerSchema } from './retainer.ts';
import { sysTopicsSchema } from './sys-topics.ts';

const ZONE_PARTS = ['mqtt', 'force_shutdown', 'force_gc', 'flapping_detect', 'durable_sessions'] as const;

/** A name that EMQX does not know is an error. */
const strictGlobalZone = z.strictObject(
  Object.fromEntries(
    Object.entries(globalZoneSchema.shape).map(([name, part]) => [
      name,
      part instanceof z.ZodObject ? part.strict() : part,
    ]),
  ) as typeof globalZoneSchema.shape,
);

/** The parts of EMQX's configuration that are modelled; the zone's parts at the root are the global zone. */
const schema = z.strictObject({
  ...strictGlobalZone.shape,
  zones: z.record(z.string(), z.record(z.enum(ZONE_PARTS), z.record(z.string(), z.unknown()).optional())),
  retainer: retainerSchema,
  delayed: delayedSchema,
  sys_topics: sysTopicsSchema,
});

export type Settings = z.infer<typeof schema>;

/**
 * What is configured by REST or by the image. As in EMQX the first change by REST freezes all of it: from then
 * on `base.hocon` is not read any more at a boot.
 */
export class Configuration {
  private settings: Settings;
  private limits: Record<ZoneName, ZoneLimits>;
  /** A change by REST has been written. */
  frozen = false;

  /** Throws a ZodError where the base configuration is none. */
  constructor(base: Tree) {
    [this.settings, this.limits] = read(base);
  }

  get current(): Settings {
    return this.settings;
  }

  limitsOf(zone: ZoneName): ZoneLimits {
    return this.limits[zone];
  }

  /** A boot with this `base.hocon`. */
  boot(base: Tree): void {
    if (!this.frozen) [this.settings, this.limits] = read(base);
  }

  /** A change by REST. Throws a ZodError, and changes nothing, where the result would be invalid. */
  change(tree: Tree): void {
    [this.settings, this.limits] = read(mergeTrees(this.settings, tree));
    this.frozen = true;
  }
}

function read(tree: Tree): [Settings, Record<ZoneName, ZoneLimits>] {
  const empty = { flapping_detect: {}, force_gc: {}, force_shutdown: {}, mqtt: {}, zones: {} };
  const settings = schema.parse(mergeTrees({ ...empty, retainer: {}, delayed: {}, sys_topics: {} }, tree));
  const server: Tree = settings.zones.server ?? {};
  // What a zone sets lies over the global values. The whole of it is checked, the part that was set is shown.
  const overlaid = Object.fromEntries(
    ZONE_PARTS.map((part) => {
      const changes = server[part];
      return [part, isTree(changes) ? mergeTrees(settings[part], changes) : settings[part]];
    }),
  );
  const serverZone = strictGlobalZone.parse(overlaid);
  return [settings, { default: zoneLimits(settings), server: zoneLimits(serverZone) }];
}
