import { expect, test } from 'bun:test';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { alertNotification } from '../contract/api/alert-channels.ts';
import { newWebhookSecret, signedHeaders } from '../src/alerts/delivery/signature.ts';
import { systemRandom } from '../src/platform/random.ts';

const page = await readFile(new URL('../../docs/alerts.md', import.meta.url), 'utf8');
const block = (language: string) =>
  new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(page)?.[1] ?? '';

test('the code of the page takes what is signed, and nothing else', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'alert-docs-'));
  const file = join(folder, 'verify.mjs');
  await Bun.write(file, block('js'));
  const { isGenuine } = await import(file);
  await rm(folder, { recursive: true });
  const [secret, former, other] = [1, 2, 3].map(() => newWebhookSecret(systemRandom));
  if (!secret || !former || !other) throw new Error('no secrets');
  const body = '{"type":"channel.test","title":"Küche"}';
  const at = 1_795_440_000;
  const headers = signedHeaders({ id: 'msg_1', timestamp: at, body }, [secret, former]);
  const verify = (by: string, changed: Record<string, string> = {}, text = body, now = at * 1_000) =>
    isGenuine(by, { ...headers, ...changed }, text, now);
  expect(verify(secret)).toBe(true);
  expect(verify(former)).toBe(true);
  expect(verify(other)).toBe(false);
  expect(verify(secret, {}, `${body} `)).toBe(false);
  expect(verify(secret, { 'webhook-id': 'msg_2' })).toBe(false);
  expect(verify(secret, { 'webhook-timestamp': String(at + 1) })).toBe(false);
  expect(verify(secret, {}, body, (at + 301) * 1_000)).toBe(false);
  expect(verify(secret, { 'webhook-signature': 'v1,AAAA' })).toBe(false);
});

test('the message of the page is one, but for the ids that it shortens', () => {
  const uuid = '6b1f7c1e-0c64-4a3c-9a53-9a2c6b2f1d10';
  const message = JSON.parse(block('json').replaceAll(/"[0-9a-f]{4}…"/g, `"${uuid}"`));
  expect(alertNotification.strict().parse(message).data.alerts).toHaveLength(1);
});
