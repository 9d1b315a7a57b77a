import type { AlertChannel } from '../contract/api/alert-channels.ts';
import type { AlertRig } from './alerts.ts';
import { until } from './harness.ts';

/** A request as a receiver of alerts gets it. */
export interface ReceivedRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** An HTTP server that alerts are delivered to. */
export interface Receiver {
  readonly url: string;
  readonly requests: ReceivedRequest[];
  /** How the next requests are answered; 200 unless set. */
  answer: (request: ReceivedRequest) => Response | Promise<Response>;
  /** Waits until as many requests have arrived. */
  got(count: number): Promise<readonly ReceivedRequest[]>;
  close(): Promise<void>;
}

export function startReceiver(): Receiver {
  const requests: ReceivedRequest[] = [];
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 60,
    async fetch(request) {
      const received = {
        path: new URL(request.url).pathname,
        headers: Object.fromEntries(request.headers),
        body: await request.text(),
      };
      requests.push(received);
      return await receiver.answer(received);
    },
  });
  const receiver: Receiver = {
    url: `http://127.0.0.1:${server.port}`,
    requests,
    answer: () => new Response('thank you'),
    async got(count) {
      await until(
        () => `${count} requests, have ${requests.length}`,
        () => requests.length >= count,
      );
      return requests;
    },
    close: () => server.stop(true),
  };
  return receiver;
}

/** A channel, and the secret that was shown when it was made. */
export type CreatedChannel = AlertChannel & { readonly secret: string | null };

export async function addChannel(
  rig: AlertRig,
  target: Readonly<Record<string, unknown>>,
  name = 'a channel',
): Promise<CreatedChannel> {
  const response = await rig.call('POST', '/alert-channels', { name, target });
  if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
  return (await response.json()) as CreatedChannel;
}

export async function readChannel(rig: AlertRig, id: string): Promise<AlertChannel> {
  return (await (await rig.call('GET', `/alert-channels/${id}`)).json()) as AlertChannel;
}

/** Lets the time pass in which alerts are collected into one message. */
export async function collectNow({ stack }: AlertRig): Promise<void> {
  await stack.sql`update alert_channels set collected_at = null`;
  await stack.sql`update alert_outbox set created_at = now() - interval '10 seconds' where message_id is null`;
}

/** Lets the time pass until the next attempts. */
export async function retryNow({ stack }: AlertRig): Promise<void> {
  await stack.sql`update alert_messages set next_attempt_at = now() where state = 'queued'`;
}
