import type { Clock } from '../../src/platform/clock.ts';
import { sleep } from '../../src/platform/clock.ts';
import type { Random } from '../../src/platform/random.ts';
import { createDeviceClient, type DeviceClient } from '../device-client.ts';
import { type Curves, createCurves } from './curves.ts';
import { createRoundTrips, type FleetReport } from './figures.ts';
import type { FleetIdentity } from './identity.ts';
import { answerReport, sendReport } from './link.ts';
import { pairAgent } from './pair.ts';

export interface FleetOptions {
  readonly server: string;
  readonly identities: readonly FleetIdentity[];
  /** Device key or role secret of a device. */
  readonly credential: (identity: FleetIdentity) => string;
  /** Records per second and device. */
  readonly rate: number;
  /** Restarts per device and hour. */
  readonly churn: number;
  /** Connections cut per device and hour. */
  readonly lossy: number;
  /** Pairs the agents with the masters. */
  readonly apiKey?: string | undefined;
  /** Agents that are paired already, by UUID, with their master's: they report to it, and it answers. */
  readonly pairs?: ReadonlyMap<string, string>;
  readonly clock: Clock;
  readonly random: Random;
}

/** Simulated devices that run until the fleet is closed. */
export interface Fleet {
  start(): void;
  report(): FleetReport;
  /** Stops recording, waits for acknowledgements for up to 10 s, and disconnects. Returns the final report. */
  close(): Promise<FleetReport>;
}

const PING_EVERY_MS = 10_000;
const DRAIN_MS = 10_000;
const DRAIN_CHECK_MS = 50;
const MASTER_CHECK_MS = 250;
const HOUR_MS = 3_600_000;
/** Devices switched on per second: a fleet does not start all together. */
const STARTS_PER_SECOND = 200;
const ABOUT = {
  fw: '1.0.0',
  board: 'simulated',
  f: {
    temp: { u: '°C', k: 'temperature' },
    hum: { u: '%', k: 'humidity' },
    light: { u: 'lx', k: 'illuminance' },
    bat: { u: 'V', k: 'voltage' },
  },
  cmd: { LED: { on: 'bool' }, READ: {} },
};

export function createFleet(options: FleetOptions): Fleet {
  const { clock, random, identities } = options;
  const stopping = new AbortController();
  const roundTrips = createRoundTrips();
  const errors: Record<string, number> = {};
  const masters = identities.filter(({ role }) => role === 'master');
  const devices = new Map<string, DeviceClient>();
  const paired = new Set<string>();
  const count = { sent: 0, abandoned: 0, commands: 0, links: 0, restarts: 0, cuts: 0 };
  const running: Promise<void>[] = [];
  let startedAt = clock.monotonic();
  let recordingMs: number | undefined;

  const pause = (waitMs: number) => sleep(clock, waitMs, stopping.signal);
  const failed = (kind: string) => {
    errors[kind] = (errors[kind] ?? 0) + 1;
  };

  async function run(identity: FleetIdentity, at: number): Promise<void> {
    const curves = createCurves(identity.place, random);
    await pause((at / STARTS_PER_SECOND) * 1_000);
    if (stopping.signal.aborted) return;
    let device = boot(identity, curves);
    const intervalMs = 1_000 / options.rate;
    const perRecord = intervalMs / HOUR_MS;
    let pingIn = random.fraction() * PING_EVERY_MS;
    await pause(random.fraction() * intervalMs);
    while (!stopping.signal.aborted) {
      device.record({ ...curves(clock.now()), ts: clock.now() });
      count.sent++;
      pingIn -= intervalMs;
      if (pingIn <= 0 && device.online()) {
        pingIn = PING_EVERY_MS;
        void ping(device);
        reportToMaster(device, identity.uuid, curves);
      }
      if (random.fraction() < options.lossy * perRecord && device.online()) {
        count.cuts++;
        device.drop();
      }
      if (random.fraction() < options.churn * perRecord) {
        count.restarts++;
        await shutDown(device);
        if (stopping.signal.aborted) return;
        device = boot(identity, curves);
      }
      await pause(intervalMs);
    }
  }

  function boot(identity: FleetIdentity, curves: Curves): DeviceClient {
    const { uuid } = identity;
    const master = masterOf(identity);
    let led = false;
    const device = createDeviceClient({
      server: options.server,
      uuid,
      credential: options.credential(identity),
      clock,
      random,
      about: ABOUT,
      ...(master && (options.apiKey || options.pairs) ? { links: [master] } : {}),
      onCommand({ c, a }) {
        count.commands++;
        if (c === 'READ') return curves(clock.now());
        if (c !== 'LED') throw new Error('unknown command');
        led = a?.on === true;
        return { on: led };
      },
      onEvent(event) {
        if (event.type === 'failure') failed(event.failure.reason);
        else if (event.type === 'online' && master) void pair(uuid, master);
        else if (event.type === 'message' && identity.role === 'master' && answerReport(device, uuid, event))
          count.links++;
      },
    });
    devices.set(uuid, device);
    device.start();
    return device;
  }

  function reportToMaster(device: DeviceClient, uuid: string, curves: Curves): void {
    const master = options.pairs?.get(uuid);
    const { temp } = curves(clock.now());
    if (master !== undefined && temp !== undefined && sendReport(device, uuid, master, temp)) count.links++;
  }

  function masterOf({ role, uuid }: FleetIdentity): string | undefined {
    if (options.pairs) return options.pairs.get(uuid);
    if (role === 'master' || masters.length === 0) return undefined;
    return masters[Number.parseInt(uuid.slice(0, 8), 16) % masters.length]?.uuid;
  }

  async function pair(agent: string, master: string): Promise<void> {
    if (options.apiKey === undefined || paired.has(agent)) return;
    // Both have to be registered.
    while (!devices.get(master)?.online()) {
      if (stopping.signal.aborted) return;
      await pause(MASTER_CHECK_MS);
    }
    try {
      await pairAgent(options.server, options.apiKey, agent, master);
      paired.add(agent);
    } catch {
      failed('pairing');
    }
  }

  async function ping(device: DeviceClient): Promise<void> {
    const sentAt = clock.monotonic();
    try {
      await device.ping();
      roundTrips.add(clock.monotonic() - sentAt);
    } catch {
      if (!stopping.signal.aborted) failed('ping');
    }
  }

  /** Waits for the acknowledgements, then leaves. What is not acknowledged by then is gone with the device's memory. */
  async function shutDown(device: DeviceClient): Promise<void> {
    const until = clock.monotonic() + DRAIN_MS;
    while (device.online() && device.records().waiting > 0 && clock.monotonic() < until)
      await sleep(clock, DRAIN_CHECK_MS);
    await device.close();
    const { waiting, lost } = device.records();
    count.abandoned += waiting + lost;
    for (const [uuid, current] of devices) if (current === device) devices.delete(uuid);
  }

  function report(): FleetReport {
    const open = [...devices.values()].map((device) => ({ online: device.online(), ...device.records() }));
    const waiting = open.reduce((sum, device) => sum + device.waiting, 0);
    const abandoned = count.abandoned + open.reduce((sum, device) => sum + device.lost, 0);
    const seconds = (recordingMs ?? clock.monotonic() - startedAt) / 1_000;
    return {
      devices: identities.length,
      masters: masters.length,
      seconds: Number(seconds.toFixed(3)),
      connected: open.filter(({ online }) => online).length,
      paired: paired.size,
      records: {
        sent: count.sent,
        acknowledged: count.sent - waiting - abandoned,
        waiting,
        abandoned,
        perSecond: seconds > 0 ? Number((count.sent / seconds).toFixed(1)) : 0,
      },
      pings: roundTrips.report(),
      commands: count.commands,
      links: count.links,
      restarts: count.restarts,
      cuts: count.cuts,
      errors: { ...errors },
    };
  }

  return {
    start() {
      startedAt = clock.monotonic();
      running.push(...identities.map(run));
    },
    report,
    async close() {
      const { connected } = report();
      recordingMs = clock.monotonic() - startedAt;
      stopping.abort();
      await Promise.all(running);
      await Promise.all([...devices.values()].map(shutDown));
      return { ...report(), connected };
    },
  };
}
