import { createHmac, randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import type { Chip } from '../variants.ts';
import { Device } from './device.ts';
import { AGENT_SECRET, connectMqtt, inbox, JWT_SECRET, MASTER_SECRET, type Stack } from './server.ts';

/** The server, the broker and the devices of one scenario. */
export class World {
  readonly #devices: Device[] = [];

  constructor(
    readonly stack: Stack,
    readonly programs: ReadonlyMap<Chip, string>,
    /** What devices are built for, unless a scenario says otherwise. */
    readonly chip: Chip,
    readonly folder: string,
  ) {
    mkdirSync(folder, { recursive: true });
  }

  device(role: 'agent' | 'master' = 'agent', chip = this.chip): Device {
    const uuid = randomUUID();
    const program = this.programs.get(chip);
    if (program === undefined) throw new Error(`no program for ${chip}`);
    const device = new Device({
      program,
      folder: this.folder,
      host: new URL(this.stack.url).host.replace('localhost', '127.0.0.1'),
      uuid,
      key: keyOf(role === 'agent' ? AGENT_SECRET : MASTER_SECRET, uuid),
    });
    this.#devices.push(device);
    return device;
  }

  async online(role: 'agent' | 'master' = 'agent', chip = this.chip): Promise<Device> {
    const device = this.device(role, chip);
    device.start();
    await device.next('state online');
    await device.next('pong');
    return device;
  }

  /** Pulls all plugs. */
  async clear(): Promise<void> {
    for (const device of this.#devices.splice(0)) await device.stop();
  }

  /** A session that may do what the token says, as the server's own is. */
  async session(topics: readonly string[]) {
    const id = `server-test-${randomUUID().slice(0, 8)}`;
    const now = Math.floor(Date.now() / 1000);
    const password = sign({
      sub: id,
      username: id,
      iat: now,
      exp: now + 600,
      acl: topics.map((topic) => ({ permission: 'allow', action: 'all', topic })),
    });
    const client = await connectMqtt(`mqtt://${this.stack.env.MQTT_HOST}`, {
      clientId: id,
      username: id,
      password,
    });
    return { client, inbox: inbox(client) };
  }

  async broker(method: string, path: string, body?: unknown): Promise<number> {
    const { EMQX_API_URL, EMQX_API_KEY, MQTT_SECRET_KEY } = this.stack.env;
    const response = await fetch(`${EMQX_API_URL}/api/v5${path}`.replace('/api/v5/api/v5', '/api/v5'), {
      method,
      headers: {
        authorization: `Basic ${btoa(`${EMQX_API_KEY}:${MQTT_SECRET_KEY}`)}`,
        'content-type': 'application/json',
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return response.status;
  }
}

function keyOf(secret: string, uuid: string): string {
  return createHmac('sha256', secret).update(uuid).digest('base64url');
}

function sign(claims: object): string {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${text}.${createHmac('sha256', JWT_SECRET).update(text).digest('base64url')}`;
}

/** A token that the server could have issued. */
export function tokenOf(uuid: string, generation: number, secondsLeft: number): string {
  const now = Math.floor(Date.now() / 1000);
  return sign({
    sub: uuid,
    username: `${uuid}.${generation}`,
    role: 'agent',
    iat: now - 3600,
    exp: now + secondsLeft,
  });
}
