import { z } from 'zod';
import { channelKinds, deliveryStates } from '../roles.ts';
import { plainText } from '../text.ts';
import { alert } from './alerts.ts';
import { pageLimit, pageOf } from './page.ts';

export const MAX_ALERT_CHANNELS = 50;
/** Alerts that a message lists; it counts the others. */
export const MAX_ALERTS_OF_MESSAGE = 200;
const MAX_URL = 1_000;
/** As ntfy names topics. */
const NTFY_TOPIC = /\/[-_A-Za-z0-9]{1,64}$/;

const time = z.iso.datetime();
const name = plainText(100).trim().min(1);

/** An address in the form that is requested, by the URL standard: without backslashes, spaces or Unicode. */
const address = z.url({ protocol: /^https?$/, normalize: true }).refine((text) => {
  const url = URL.parse(text);
  return url !== null && url.username === '' && url.password === '';
}, 'must not contain a user name or password');

const webhook = z.strictObject({ kind: z.literal('webhook'), url: address });
const email = z.strictObject({
  kind: z.literal('email'),
  to: z.array(z.email().max(254)).min(1).max(20).describe('Sent through the SMTP server of `SMTP_URL`'),
});
const ntfy = z.strictObject({
  kind: z.literal('ntfy'),
  url: address
    .refine((text) => {
      const url = URL.parse(text);
      return url !== null && NTFY_TOPIC.test(url.pathname) && url.search === '' && url.hash === '';
    }, 'must end with the name of a topic')
    .describe('Address of the topic, such as https://ntfy.sh/my-topic'),
});
const ntfyToken = z
  .string()
  .regex(/^[\x21-\x7e]{1,200}$/, 'must consist of visible ASCII characters')
  .describe(
    'Access token of ntfy; never shown again. A change without one keeps it where the server of the address stays the same',
  );

/** Where alerts are delivered. */
export const alertTarget = z.discriminatedUnion('kind', [webhook, email, ntfy]);

const shownUrl = z.url().describe('Viewers see only its host: whoever has it can post there');
const shownTarget = z
  .discriminatedUnion('kind', [webhook.extend({ url: shownUrl }), email, ntfy.extend({ url: shownUrl })])
  .meta({ id: 'AlertTarget' });

/** Refuses as a mistake what the URL standard would repair: control characters, half characters, missing slashes. */
function entered(url: typeof address) {
  return plainText(MAX_URL)
    .trim()
    .regex(/^https?:\/\//i, 'must begin with https:// or http://')
    .pipe(url)
    .meta({ ...url.meta(), format: 'uri' });
}

const givenTarget = z.discriminatedUnion('kind', [
  webhook.extend({ url: entered(webhook.shape.url) }),
  email,
  ntfy.extend({ url: entered(ntfy.shape.url), token: ntfyToken.optional() }),
]);

export const newAlertChannel = z.strictObject({
  name,
  enabled: z.boolean().default(true),
  target: givenTarget,
});

export const alertChannelChange = z
  .strictObject({
    name: name.optional(),
    enabled: z.boolean().optional().describe('Enabling a channel that was disabled clears its notice'),
    target: givenTarget.optional().describe('Of the same kind as before'),
  })
  .meta({ minProperties: 1 })
  .refine((given) => Object.values(given).some((value) => value !== undefined), 'must change something');

export const alertChannel = z
  .object({
    id: z.uuid(),
    name: z.string(),
    kind: z.enum(channelKinds),
    enabled: z.boolean(),
    target: shownTarget,
    notice: z.string().nullable().describe('Why the server disabled the channel'),
    queued: z.int().describe('Messages that wait for delivery'),
    lastDeliveredAt: time.nullable(),
    lastFailedAt: time.nullable(),
    lastError: z
      .string()
      .nullable()
      .describe('What went wrong last; null after a delivery to all recipients'),
    version: z.int().describe('Incremented by every change by operators; the entity tag'),
    createdAt: time,
  })
  .meta({ id: 'AlertChannel' });

export const alertChannelPath = z.object({ id: z.uuid() });

export const alertChannelList = z.object({ items: z.array(alertChannel) });

const secret = z
  .string()
  .nullable()
  .describe('Of a webhook: the signing secret (`whsec_…`), shown only in this answer; else null');

/** What creating a channel answers. */
export const createdAlertChannel = alertChannel.extend({ secret });
/** What replacing the secret of a webhook answers. */
export const alertChannelSecret = z.object({ secret: z.string().describe('Shown only in this answer') });

export const channelTestAnswer = z
  .object({
    delivered: z.boolean(),
    status: z.int().nullable().describe('HTTP status of the answer, if there was one'),
    answer: z.string().nullable().describe('The first 500 characters of what the receiver said'),
    error: z.string().nullable(),
    durationMs: z.int(),
  })
  .meta({ id: 'AlertChannelTest' });

export const alertDelivery = z
  .object({
    id: z.string().describe('The `webhook-id` of a webhook'),
    state: z.enum(deliveryStates),
    title: z.string(),
    alerts: z.int().describe('Alerts in the message'),
    attempts: z.int(),
    createdAt: time,
    nextAttemptAt: time.nullable(),
    finishedAt: time.nullable(),
    status: z.int().nullable().describe('HTTP status of the last attempt'),
    error: z.string().nullable(),
  })
  .meta({ id: 'AlertDelivery' });

/**
 * What is delivered. It is the body of a webhook, as JSON; e-mail and ntfy carry it as text. Alerts are as they were when the
 * message was made: of two messages about one alert, the higher `change` is newer.
 */
export const alertNotification = z.object({
  type: z.enum(['alerts.changed', 'channel.test']),
  timestamp: time,
  data: z.object({
    title: z.string(),
    firing: z.int().describe('Alerts in this message that fire'),
    resolved: z.int(),
    alerts: z.array(alert).describe(`The firing ones first, newest first; at most ${MAX_ALERTS_OF_MESSAGE}`),
    omitted: z.int().describe('Alerts that are counted but not listed'),
  }),
});

export const alertDeliveryQuery = z.object({
  state: z.enum(deliveryStates).optional(),
  limit: pageLimit,
});
export const alertDeliveryPage = pageOf(alertDelivery);

export type AlertTarget = z.output<typeof alertTarget>;
export type AlertChannel = z.output<typeof alertChannel>;
export type GivenTarget = z.output<typeof givenTarget>;
export type NewAlertChannel = z.output<typeof newAlertChannel>;
export type AlertChannelChange = z.output<typeof alertChannelChange>;
export type AlertNotification = z.output<typeof alertNotification>;
export type AlertDelivery = z.output<typeof alertDelivery>;
export type ChannelTest = z.output<typeof channelTestAnswer>;
