import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { untilReady } from './harness.ts';
import { reservePort } from './ports.ts';
import { type Surroundings, startSurroundings } from './server-child.ts';

let around: Surroundings;
let folder: string;

beforeAll(async () => {
  around = await startSurroundings();
  folder = mkdtempSync(join(tmpdir(), 'broker-tls-'));
}, 60_000);
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await around.close();
});

/** A certificate for both, signed by its own key. */
function makeCertificate(): void {
  const made = Bun.spawnSync(
    [
      ...['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
      ...['-keyout', 'tls.key', '-out', 'tls.crt'],
    ],
    { cwd: folder },
  );
  expect(made.exitCode, made.stderr.toString()).toBe(0);
}

test.skipIf(Bun.which('openssl') === null)(
  'MQTT_URL may name a broker that is reached by TLS, by name and by address',
  async () => {
    makeCertificate();
    const [key, cert] = await Promise.all(['tls.key', 'tls.crt'].map((name) => readFile(join(folder, name))));
    const brokerPort = Number(new URL(around.broker.serverUrl).port);
    const tls = createServer({ key, cert }, (client) => {
      const target = connect({ host: '127.0.0.1', port: brokerPort });
      client.on('error', () => target.destroy());
      target.on('error', () => client.destroy());
      client.pipe(target).pipe(client);
    });
    const port = reservePort();
    await new Promise<void>((resolve) => tls.listen(port, '127.0.0.1', resolve));
    for (const host of ['localhost', '127.0.0.1']) {
      const { child, url } = await around.start({
        MQTT_URL: `mqtts://${host}:${port}`,
        NODE_EXTRA_CA_CERTS: join(folder, 'tls.crt'),
      });
      await untilReady(url);
      await child.end();
    }
    tls.close();
  },
  60_000,
);
