import { beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { variableNames } from '../../server/src/config.ts';
import { compose, hasCompose, type Project, type Service } from './compose.ts';

// Each test starts processes, which take their time on a busy machine.
setDefaultTimeout(60_000);

const SETTINGS = {
  POSTGRES_PASSWORD: 'database-password',
  JWT_SECRET: 'jwt-secret',
  DEVICE_MASTER_SECRET_KEY: 'master-secret',
  DEVICE_AGENT_SECRET_KEY: 'agent-secret',
  MQTT_SECRET_KEY: 'api-key-secret',
  MQTT_ADMIN_PASSWORD: 'admin-password',
  MQTT_HOST: 'mqtt.example.net:1883',
};
const TLS_SETTINGS = {
  MQTT_CERTS_DIR: '/etc/letsencrypt/simple-iot',
  MQTT_TLS_HOST: 'mqtt.example.net:8883',
};

function publishedPorts(service: Service): string[] {
  return (service.ports ?? []).map((port) => `${port.published}:${port.target}`);
}

describe.skipIf(!hasCompose)('docker-compose', () => {
  let project: Project;

  beforeAll(async () => {
    const result = await compose(SETTINGS);
    expect(result.stderr).toBe('');
    project = result.project;
  });

  test.each(Object.keys(SETTINGS))('refuses to start without %s: no secret has a default', async (name) => {
    const { [name as keyof typeof SETTINGS]: _, ...rest } = SETTINGS;
    const { exitCode, stderr } = await compose(rest);
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain(`set ${name} in .env`);
  });

  test('publishes HTTP and MQTT and nothing else', () => {
    expect(publishedPorts(project.services.server)).toEqual(['3000:3000']);
    expect(publishedPorts(project.services.mqtt)).toEqual(['1883:1883']);
    expect(publishedPorts(project.services.db)).toEqual([]);
  });

  test('the database can lock ten years of partitions', () => {
    expect(project.services.db.command).toEqual(['postgres', '-c', 'max_locks_per_transaction=512']);
  });

  test('PORT and MQTT_PORT move the published side alone', async () => {
    const { project: moved } = await compose({ ...SETTINGS, PORT: '127.0.0.1:8080', MQTT_PORT: '2883' });
    expect(JSON.stringify(moved.services.server.ports)).toContain('8080');
    expect(JSON.stringify(moved.services.server.ports)).toContain('127.0.0.1');
    expect(moved.services.server.environment.PORT).toBe('3000');
    expect(publishedPorts(moved.services.mqtt)).toEqual(['2883:1883']);
  });

  test('the server waits for the database, not for the broker', () => {
    expect(project.services.server.depends_on).toEqual({
      db: { condition: 'service_healthy' },
      mqtt: { condition: 'service_started' },
    });
    expect(project.services.db.healthcheck).toBeDefined();
  });

  test('the server reaches broker and database by their service names, on the ports of the broker image', () => {
    expect(project.services.server.environment).toMatchObject({
      DATABASE_URL: 'postgres://simple_iot:database-password@db:5432/simple_iot',
      MQTT_URL: 'mqtt://mqtt:1884',
      EMQX_API_URL: 'http://mqtt:18083/api/v5',
      MQTT_HOST: 'mqtt.example.net:1883',
    });
  });

  test('server and broker share the API key and its secret; the admin password stays with the broker', () => {
    const { mqtt, server } = project.services;
    expect(server.environment.EMQX_API_KEY).toBe(mqtt.environment.EMQX_API_KEY as string);
    expect(server.environment.MQTT_SECRET_KEY).toBe('api-key-secret');
    expect(mqtt.environment.MQTT_SECRET_KEY).toBe('api-key-secret');
    expect(server.environment.MQTT_ADMIN_PASSWORD).toBeUndefined();
    expect(Object.keys(mqtt.environment).toSorted()).toEqual([
      'EMQX_API_KEY',
      'MQTT_ADMIN_PASSWORD',
      'MQTT_SECRET_KEY',
    ]);
  });

  test('every setting of the server can be made in .env', () => {
    const given = Object.keys(project.services.server.environment);
    // The dashboard's password is the broker's.
    expect(given.toSorted()).toEqual(
      variableNames.filter((name) => name !== 'MQTT_ADMIN_PASSWORD').toSorted(),
    );
  });

  test("optional settings are passed on when set, and the server's defaults hold when not", async () => {
    const { project: set } = await compose({ ...SETTINGS, ENROLLMENT: 'approval', TOKEN_TTL: '7d' });
    expect(set.services.server.environment).toMatchObject({ ENROLLMENT: 'approval', TOKEN_TTL: '7d' });
    expect(project.services.server.environment.ENROLLMENT).toBeNull();
  });

  test('only the server reaches the database, and the database reaches nothing', () => {
    expect(Object.keys(project.services.db.networks)).toEqual(['data']);
    expect(Object.keys(project.services.mqtt.networks)).toEqual(['broker']);
    expect(Object.keys(project.services.server.networks).toSorted()).toEqual(['broker', 'data']);
    expect(project.networks.data?.internal).toBe(true);
  });

  test('data outlives the containers', () => {
    expect(project.services.db.volumes).toEqual(['db-data:/var/lib/postgresql/data:rw']);
    expect(project.services.mqtt.volumes).toEqual(['mqtt-data:/opt/emqx/data:rw']);
    expect(Object.keys(project.volumes).toSorted()).toEqual(['db-data', 'mqtt-data']);
  });

  test.each(['db', 'mqtt', 'server'] as const)(
    '%s restarts, rotates its log and gains no privileges',
    (name) => {
      const service = project.services[name];
      expect(service.restart).toBe('unless-stopped');
      expect(service.logging).toEqual({
        driver: 'json-file',
        options: { 'max-size': '10m', 'max-file': '5' },
      });
      expect(service.security_opt).toEqual(['no-new-privileges:true']);
      expect(Number.parseInt(String(service.stop_grace_period), 10)).toBeGreaterThanOrEqual(10);
    },
  );

  test('server and broker hold no capabilities, and the server writes to no file', () => {
    expect(project.services.server).toMatchObject({ cap_drop: ['ALL'], read_only: true, tmpfs: ['/tmp'] });
    expect(project.services.mqtt.cap_drop).toEqual(['ALL']);
  });

  describe('with docker-compose.tls.yml', () => {
    const files = ['docker-compose.yml', 'docker-compose.tls.yml'];

    test('MQTT over TLS is published, and the certificate is mounted read-only where the entrypoint looks', async () => {
      const { project: tls } = await compose({ ...SETTINGS, ...TLS_SETTINGS }, files);
      expect(publishedPorts(tls.services.mqtt)).toEqual(['1883:1883', '8883:8883']);
      expect(tls.services.mqtt.volumes).toContain('/etc/letsencrypt/simple-iot:/certs:ro');
      expect(tls.services.server.environment.MQTT_TLS_HOST).toBe('mqtt.example.net:8883');
    });

    test('the plain port can be kept to the host, as docs/operations.md says', async () => {
      const closed = { ...SETTINGS, ...TLS_SETTINGS, MQTT_PORT: '127.0.0.1:1883' };
      const { project: tls } = await compose(closed, files);
      const ports = (tls.services.mqtt.ports ?? []).map((port) => JSON.stringify(port));
      expect(ports).toHaveLength(2);
      expect(ports.filter((port) => port.includes('1883'))).toEqual([expect.stringContaining('127.0.0.1')]);
    });

    test.each(Object.keys(TLS_SETTINGS))('refuses to start without %s', async (name) => {
      const { [name as keyof typeof TLS_SETTINGS]: _, ...rest } = TLS_SETTINGS;
      const { exitCode, stderr } = await compose({ ...SETTINGS, ...rest }, files);
      expect(exitCode).not.toBe(0);
      expect(stderr).toContain(`set ${name} in .env`);
    });
  });
});
