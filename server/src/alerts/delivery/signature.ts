import { createHmac } from 'node:crypto';
import type { Random } from '../../platform/random.ts';

const PREFIX = 'whsec_';
const SECRET_BYTES = 32;

/** A new secret of a webhook, as Standard Webhooks writes it. */
export function newWebhookSecret(random: Random): string {
  return `${PREFIX}${Buffer.from(random.bytes(SECRET_BYTES)).toString('base64')}`;
}

/** What is signed. */
export interface SignedMessage {
  readonly id: string;
  /** Unix seconds of the attempt. */
  readonly timestamp: number;
  readonly body: string;
}

/**
 * The headers of a webhook (Standard Webhooks 1.0, "Verifying webhook authenticity"). With several secrets, each of them
 * verifies it.
 */
export function signedHeaders(
  { id, timestamp, body }: SignedMessage,
  secrets: readonly string[],
): Readonly<Record<string, string>> {
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': secrets
      .map((secret) => `v1,${sign(secret, `${id}.${timestamp}.${body}`)}`)
      .join(' '),
  };
}

function sign(secret: string, content: string): string {
  const key = Buffer.from(secret.slice(PREFIX.length), 'base64');
  return createHmac('sha256', key).update(content).digest('base64');
}
