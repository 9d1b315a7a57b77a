import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { z } from 'zod';
import recorded from '../../../docs/vectors.json';
import { type ImageBroker, provisionImage, startImageBroker } from './image-broker.ts';
import { ManualClock } from './manual-clock.ts';
import { tryConnect } from './mqtt-client.ts';
import { returnCode } from './target.ts';

const vectors = z
  .object({
    jwt_secret: z.string(),
    now: z.number(),
    uuid: z.string(),
    tokens: z.array(z.object({ name: z.string(), token: z.string(), mqtt: z.string() })),
  })
  .parse(recorded);

const clock = new ManualClock(vectors.now * 1000);
let broker: ImageBroker;

beforeAll(async () => {
  broker = await startImageBroker({ clock });
  await provisionImage(broker, vectors.jwt_secret);
});
afterAll(() => broker.close());

const attempt = (password: string) =>
  returnCode(tryConnect(broker.mqttUrl, { clientId: vectors.uuid, username: `${vectors.uuid}.1`, password }));

describe('a token vector', () => {
  test.each(vectors.tokens)('is judged as EMQX judged it: $name', async ({ token, mqtt }) => {
    const accepted = (await attempt(token)) === 0;
    expect(accepted).toBe(mqtt.startsWith('accept'));
  });

  test('that is not valid yet is accepted from its time on', async () => {
    const { token } = vectors.tokens.find(({ mqtt }) => mqtt.includes('accept after')) ?? { token: '' };
    expect(await attempt(token)).not.toBe(0);
    clock.advance(60_000);
    expect(await attempt(token)).toBe(0);
  });
});
