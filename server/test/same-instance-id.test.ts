import { afterAll, beforeAll, expect, test } from 'bun:test';
import { startServer } from '../dev/stack.ts';
import type { Services } from '../src/server.ts';
import { type Stack, startStack, until } from './harness.ts';
import { recordingLog, WARN } from './logs.ts';

const record = recordingLog();
let stack: Stack;
let twin: Services;

beforeAll(async () => {
  stack = await startStack({ log: record.log });
  twin = await startServer({ ...stack.env, PORT: '0' }, { log: recordingLog().log });
}, 60_000);
afterAll(async () => {
  await twin.close();
  await stack.close();
});

test('two instances with one INSTANCE_ID notice, and say which variable to change', async () => {
  await until('the log says so', () =>
    record.lines.some(({ level, msg }) => level === WARN && msg.includes('same INSTANCE_ID')),
  );
  await until('readiness says so', async () => {
    const { checks } = (await (await fetch(`${stack.url}/health/ready`)).json()) as {
      checks: { broker_mqtt: string };
    };
    return checks.broker_mqtt === 'ok, but another instance may have the same INSTANCE_ID';
  });
  expect(stack.env.INSTANCE_ID).toBe('test');
}, 60_000);
