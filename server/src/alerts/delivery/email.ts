import { isIP } from 'node:net';
import { createTransport } from 'nodemailer';
import type { Clock } from '../../platform/clock.ts';
import { withDeadline } from '../../platform/deadline.ts';
import { TargetError } from './http-post.ts';

/** Where e-mail is handed over, and who sends it. */
export interface SmtpSettings {
  /** `smtp://user:password@host:587`, or `smtps://` where TLS begins with the connection. */
  readonly url: string;
  readonly from: string;
}

export interface Email {
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
  /** The same at every attempt, so that mailboxes can tell a repetition. */
  readonly id: string;
  /** Whether it is sent again where the server puts some of the recipients off; the others get it twice then. */
  readonly repeats: boolean;
}

/** What became of an e-mail that the server took. */
export interface Handover {
  /** What it answered. */
  readonly answer: string;
  /** Why it took the e-mail for some of the recipients alone. */
  readonly refusal: string | null;
}

/** Hands an e-mail over. One recipient who is refused neither keeps it from the others nor has them get it again and again. */
export type SendEmail = (email: Email) => Promise<Handover>;

const STEP_LIMIT_MS = 10_000;
const LIMIT_MS = 20_000;

/** @throws TargetError, whose message may be shown. */
export function createEmailSender(clock: Clock, smtp: SmtpSettings | undefined): SendEmail {
  return async ({ to, subject, text, id, repeats }) => {
    if (!smtp) throw new TargetError('SMTP_URL is not set.');
    const transport = createTransport({
      ...smtpConnection(smtp.url),
      connectionTimeout: STEP_LIMIT_MS,
      greetingTimeout: STEP_LIMIT_MS,
      socketTimeout: STEP_LIMIT_MS,
      dnsTimeout: STEP_LIMIT_MS,
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    const sending = transport.sendMail({
      from: smtp.from,
      to: [...to],
      subject,
      text,
      messageId: `<${id}@${/@([^@>\s]+)>?$/.exec(smtp.from)?.[1] ?? 'simple-iot-server'}>`,
      headers: { 'Auto-Submitted': 'auto-generated' },
    });
    try {
      const { response, rejectedErrors = [] } = await withDeadline(
        clock,
        LIMIT_MS,
        sending,
        'the SMTP server',
      );
      const [first] = rejectedErrors;
      if (!first) return { answer: response, refusal: null };
      const refusal = `Refused for ${rejectedErrors.length} of ${to.length} recipients: ${first.message.slice(0, 400)}`;
      if (repeats && rejectedErrors.some(isPutOff)) throw new TargetError(refusal);
      return { answer: response, refusal };
    } catch (error) {
      if (error instanceof TargetError) throw error;
      throw new TargetError(error instanceof Error ? error.message.slice(0, 500) : 'E-mail failed.', {
        cause: error,
      });
    } finally {
      transport.close();
    }
  };
}

function isPutOff({ permanent }: { readonly permanent?: boolean }): boolean {
  return permanent === false;
}

/** A password is not sent in clear: without TLS from the start, the server has to take STARTTLS, unless it is this machine. */
export function smtpConnection(address: string) {
  const url = new URL(address);
  const secure = url.protocol === 'smtps:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const user = decodeURIComponent(url.username);
  const isLocal = host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
  return {
    host,
    port: url.port === '' ? (secure ? 465 : 587) : Number(url.port),
    secure,
    requireTLS: !secure && user !== '' && !isLocal,
    ...(user === '' ? {} : { auth: { user, pass: decodeURIComponent(url.password) } }),
  };
}
