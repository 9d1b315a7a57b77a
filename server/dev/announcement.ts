import { writeFile } from 'node:fs/promises';
import type { DevBroker } from '@simple-iot/dev-broker';
import { variableNames } from '../src/config.ts';
import { commandLine, quoted } from './command-line.ts';
import { exampleLines } from './example-lines.ts';
import type { Environment } from './stack.ts';

interface AnnouncementOptions {
  readonly url: string;
  readonly broker: DevBroker;
  /** The server's environment. */
  readonly env: Environment;
  /** The variables that this stack was given. */
  readonly given: Environment;
  /** Whether simulated devices run. */
  readonly demo: boolean;
  readonly exampleUuid: string;
  readonly dataDir: string;
  /** Takes the server's environment, for the doctor. */
  readonly environmentFile: string;
}

/** What the stack prints when it is ready. Each command works as printed in another terminal. */
export async function announcement(options: AnnouncementOptions): Promise<string[]> {
  const { url, broker, env, given, dataDir, environmentFile } = options;
  await writeFile(environmentFile, environmentText(env), { mode: 0o600 });
  const secret = given.DEVICE_AGENT_SECRET_KEY;
  const device = commandLine(
    'npx -y bun run device',
    { DATA_DIR: given.DATA_DIR ? dataDir : undefined },
    {
      ...(given.PORT ? { PORT: new URL(url).port } : {}),
      ...(secret ? { DEVICE_AGENT_SECRET_KEY: secret } : {}),
    },
  );
  const login = `${env.ADMIN_USERNAME} / ${env.ADMIN_PASSWORD}   (as made at the first start)`;
  return [
    '',
    ...(options.demo
      ? [
          `  dashboard         ${url}`,
          `  sign in           ${login}`,
          '',
          'Simple IoT Server, demo: twelve simulated devices with a week of history',
          '',
        ]
      : ['Simple IoT Server, development stack', '', `  dashboard         ${url}${forDevices(options)}`]),
    `  MQTT              mqtt://127.0.0.1:${broker.mqttPort}   (told to devices: ${env.MQTT_HOST})`,
    `  EMQX REST API     ${broker.apiUrl}`,
    `  data and secrets  ${dataDir}`,
    '',
    `  DEVICE_MASTER_SECRET_KEY  ${env.DEVICE_MASTER_SECRET_KEY}`,
    `  DEVICE_AGENT_SECRET_KEY   ${env.DEVICE_AGENT_SECRET_KEY}`,
    ...(options.demo ? [] : [`  administrator             ${login}`]),
    '',
    // They register a device, which would be none of the demo's.
    ...(options.demo
      ? []
      : [
          ...(await exampleLines({
            url,
            mqttPort: broker.mqttPort,
            uuid: options.exampleUuid,
            agentSecret: env.DEVICE_AGENT_SECRET_KEY ?? '',
          })),
          '',
        ]),
    'A simulated device:',
    '',
    device,
    '',
    'Compare the broker with the database:',
    '',
    `npx -y bun --env-file=${quoted(environmentFile)} run doctor`,
    '',
    'Ctrl-C stops the stack; devices are kept.',
    '',
    'ready',
  ];
}

/** Where devices reach the server: at the machine's own address, which `MQTT_HOST` has unless it was given. */
function forDevices({ url, env, given }: AnnouncementOptions): string {
  const address = env.MQTT_HOST?.replace(/:\d+$/, '') ?? '127.0.0.1';
  return given.MQTT_HOST || address === '127.0.0.1'
    ? ''
    : `   (for devices: http://${address}:${new URL(url).port})`;
}

/** Just what the server reads. */
function environmentText(env: Environment): string {
  return variableNames
    .filter((name) => env[name])
    .map((name) => {
      const value = env[name] ?? '';
      const quote = ["'", '"', '`'].find((each) => !value.includes(each)) ?? "'";
      return `${name}=${quote}${value}${quote}\n`;
    })
    .join('');
}
