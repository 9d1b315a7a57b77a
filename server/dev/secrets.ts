import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { accessFault, StackError } from './stack-error.ts';

const stored = z.object({
  JWT_SECRET: z.string(),
  DEVICE_MASTER_SECRET_KEY: z.string(),
  DEVICE_AGENT_SECRET_KEY: z.string(),
  MQTT_SECRET_KEY: z.string(),
  ADMIN_USERNAME: z.string(),
  ADMIN_PASSWORD: z.string(),
  /** The device of the lines that the stack prints. */
  EXAMPLE_UUID: z.string(),
});

/** What the development stack makes up once and keeps, under the names of the variables they stand in for. */
export type DevelopmentSecrets = z.output<typeof stored>;

/** Those that an older version kept. */
const partlyStored = stored.partial();

/** Reads the secrets kept in `dataDir`; what an older version did not make is missing. */
export async function readSecrets(dataDir: string): Promise<z.output<typeof partlyStored>> {
  try {
    return partlyStored.parse(JSON.parse(await readFile(secretsFile(dataDir), 'utf8')));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
    const isCorrupt = error instanceof SyntaxError || error instanceof z.ZodError;
    throw new StackError(
      isCorrupt
        ? `${secretsFile(dataDir)} does not hold the secrets of a development stack: repair it, or delete it to have new ones made.`
        : `${secretsFile(dataDir)} cannot be read: ${accessFault(error)}.`,
    );
  }
}

/** The secrets kept in `dataDir`, those missing made up, readable for their owner alone. */
export async function loadOrCreateSecrets(dataDir: string): Promise<DevelopmentSecrets> {
  const kept = await readSecrets(dataDir);
  const complete = stored.safeParse(kept);
  if (complete.success) return complete.data;
  const secrets = stored.parse({
    JWT_SECRET: secret(),
    DEVICE_MASTER_SECRET_KEY: secret(),
    DEVICE_AGENT_SECRET_KEY: secret(),
    MQTT_SECRET_KEY: secret(),
    ADMIN_USERNAME: 'admin',
    ADMIN_PASSWORD: secret().slice(0, 20),
    EXAMPLE_UUID: randomUUID(),
    ...kept,
  });
  await mkdir(dataDir, { recursive: true });
  const draft = `${secretsFile(dataDir)}.${process.pid}`;
  try {
    await writeFile(draft, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
    await rename(draft, secretsFile(dataDir));
  } catch (error) {
    throw new StackError(`${secretsFile(dataDir)} cannot be written: ${accessFault(error)}.`);
  }
  return secrets;
}

function secretsFile(dataDir: string): string {
  return join(dataDir, 'secrets.json');
}

function secret(): string {
  return randomBytes(32).toString('base64url');
}
