import { alertNotification, alertTarget, type ChannelTest } from '../../../contract/api/alert-channels.ts';
import type { Clock } from '../../platform/clock.ts';
import type { ChannelRow } from '../channels/channel.ts';
import type { Handover, SendEmail } from './email.ts';
import { type HttpAnswer, type HttpPost, TargetError } from './http-post.ts';
import { textOf } from './notification.ts';
import { ntfyRequest } from './ntfy.ts';
import { readRetryAfter } from './retry-after.ts';
import { signedHeaders } from './signature.ts';

/** What a channel needs to be sent to. */
export type SendTarget = Pick<ChannelRow, 'target' | 'secret' | 'formerSecret' | 'formerSecretUntil'>;

/** A message to one channel. */
export interface Message {
  /** Fixed before the first attempt: the `webhook-id`. */
  readonly id: string;
  /** An `AlertNotification` as JSON, byte for byte the body of a webhook. */
  readonly content: string;
  /** Attempts to deliver it, this one included; none for a test, which is not repeated. */
  readonly attempts?: number;
}

/** What became of an attempt. */
export interface SendOutcome {
  readonly result: ChannelTest;
  /** What a receiver that was busy asks for, in seconds. */
  readonly retryAfterSeconds?: number | undefined;
}

/** One attempt to deliver a message; it never rejects. */
export type Send = (channel: SendTarget, message: Message) => Promise<SendOutcome>;

export interface SendDeps {
  readonly clock: Clock;
  readonly post: HttpPost;
  readonly sendEmail: SendEmail;
}

/** Enough for a server that takes nothing from a stranger at once (greylisting). */
const EMAIL_REPEATS = 2;

export function createSend({ clock, post, sendEmail }: SendDeps): Send {
  async function attempt(
    channel: SendTarget,
    { id, content, attempts = EMAIL_REPEATS + 1 }: Message,
  ): Promise<HttpAnswer | Handover> {
    const target = alertTarget.parse(channel.target);
    switch (target.kind) {
      case 'webhook': {
        const timestamp = Math.floor(clock.now() / 1_000);
        const signed = signedHeaders({ id, timestamp, body: content }, secretsOf(channel, clock.now()));
        const headers = { 'content-type': 'application/json', ...signed };
        return await post(target.url, { headers, body: content });
      }
      case 'ntfy': {
        const { url, ...request } = ntfyRequest(target.url, read(content), channel.secret);
        return await post(url, request);
      }
      case 'email': {
        const notification = read(content);
        const subject = notification.data.title;
        const repeats = attempts <= EMAIL_REPEATS;
        return await sendEmail({ id, to: target.to, subject, text: textOf(notification), repeats });
      }
    }
  }

  return async (channel, message) => {
    const startedAt = clock.monotonic();
    const { retryAfterSeconds, ...outcome } = await attempt(channel, message).then(
      (answer) => outcomeOf(answer, clock.now()),
      failureOf,
    );
    return {
      result: { ...outcome, durationMs: Math.round(clock.monotonic() - startedAt) },
      retryAfterSeconds,
    };
  };
}

function read(content: string) {
  return alertNotification.parse(JSON.parse(content));
}

function secretsOf({ secret, formerSecret, formerSecretUntil }: SendTarget, now: number): string[] {
  const former = formerSecretUntil !== null && formerSecretUntil.getTime() > now ? formerSecret : null;
  return [secret, former].filter((each) => each !== null);
}

type Outcome = Omit<ChannelTest, 'durationMs'> & Pick<SendOutcome, 'retryAfterSeconds'>;

function outcomeOf(answer: HttpAnswer | Handover, now: number): Outcome {
  if ('refusal' in answer) {
    const error = answer.refusal === null ? null : inOneLine(answer.refusal);
    return { delivered: true, status: null, answer: answer.answer.slice(0, 500), error };
  }
  const { status, text } = answer;
  const delivered = status >= 200 && status < 300;
  return {
    delivered,
    status,
    answer: text,
    error: delivered ? null : errorOf(status),
    retryAfterSeconds: readRetryAfter(answer, now),
  };
}

function errorOf(status: number): string {
  if (status >= 300 && status < 400) return `The receiver answered ${status}; redirects are not followed.`;
  return `The receiver answered ${status}.`;
}

function failureOf(error: unknown): Outcome {
  const message = error instanceof TargetError ? error.message : 'The message could not be sent.';
  return { delivered: false, status: null, answer: null, error: inOneLine(message) };
}

/** A server may have said anything, and not all of it can be stored. */
function inOneLine(text: string): string {
  return text.toWellFormed().replaceAll(/\p{Cc}+/gu, ' ');
}
