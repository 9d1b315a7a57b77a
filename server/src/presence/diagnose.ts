import type { Diagnosis } from '../../contract/api/presence.ts';
import type { DeviceRow } from '../devices/device.ts';
import type { readRecent, SessionRow } from './read-history.ts';
import type { Signs } from './read-signs.ts';
import { disconnectReason } from './reasons.ts';

interface Findings extends Signs {
  readonly device: Pick<DeviceRow, 'state' | 'connectedAt' | 'lastSeenAt'>;
  readonly newest: Pick<SessionRow, 'reason' | 'address' | 'disconnectedAt'> | undefined;
  readonly recent: Awaited<ReturnType<typeof readRecent>>;
}

/** A command that was published so often should have been answered. */
const UNANSWERED_ATTEMPTS = 3;

/** One sentence about a device: the first thing that is wrong, and what to do next. */
export function diagnose(found: Findings): Diagnosis {
  const { device, recent } = found;
  if (device.state === 'pending') {
    return attention('The device waits for approval.', 'Approve it, or reject it if you do not know it.');
  }
  if (device.state === 'revoked') {
    return attention('The device is revoked and cannot connect.', 'Restore it to let it connect again.');
  }
  if (recent.conflict) {
    return problem(
      'Connections with this UUID keep replacing each other: two devices may have it.',
      'Find the other device and give it a UUID and key of its own; if you do not have it, rotate with a new key.',
    );
  }
  if (found.refusal !== undefined) {
    return problem(
      `The device was refused with ${found.refusal}.`,
      REFUSALS[found.refusal] ?? 'Flash the device with its current key.',
    );
  }
  if (recent.flapping) {
    return problem(
      `The device connected ${recent.connects} times in the last 10 minutes.${lastReason(found)}`,
      'Check its Wi-Fi signal and power supply, and whether its firmware restarts.',
    );
  }
  return device.connectedAt === null ? diagnoseOffline(found) : diagnoseOnline(found, device.connectedAt);
}

const REFUSALS: Readonly<Record<string, string>> = {
  bad_credential: 'Flash the device with the key of this UUID.',
  superseded: 'Its key was replaced: flash the device with the current one.',
  wrong_device: 'It uses the token of another device: check that no two sketches share a UUID or storage.',
  wrong_role: 'It uses the secret of the other role: check the role in its sketch.',
};

function diagnoseOnline({ unanswered, alert }: Findings, since: Date): Diagnosis {
  if (unanswered >= UNANSWERED_ATTEMPTS) {
    return problem(
      `The device is online but has not answered a command that was sent ${unanswered} times.`,
      'Check that its firmware subscribes to its command topic and replies; cancel the command to let the next one go out.',
    );
  }
  if (alert) {
    return attention(
      `The alert rule "${alert.rule}" fires: ${alert.message}`,
      'Look at what the device sends, and acknowledge the alert when you take care of it.',
    );
  }
  return { state: 'ok', message: `The device is online since ${since.toISOString()}.`, next: null };
}

function diagnoseOffline(found: Findings): Diagnosis {
  const { newest, device } = found;
  if (!newest && device.lastSeenAt === null) {
    return problem(
      'The device has never asked for a token.',
      'Check its Wi-Fi, the host in its sketch, and its UUID and key.',
    );
  }
  if (!newest) {
    return problem(
      'The device has its token but has not connected to the broker.',
      'Check that the device reaches the address that GET /mqtt answers, and its port.',
    );
  }
  const message = `The device is offline since ${newest.disconnectedAt?.toISOString() ?? 'an unknown time'}.${lastReason(found)}`;
  if (newest.reason === 'normal')
    return attention(message, 'If it does not sleep on purpose, look at its firmware.');
  if (newest.reason === 'kicked') {
    return attention(message, 'It comes back with a new token by itself; if not, restart it.');
  }
  return problem(message, 'Check its power supply and Wi-Fi.');
}

function lastReason({ newest }: Findings): string {
  return newest?.reason ? ` ${disconnectReason(newest.reason)}` : '';
}

function attention(message: string, next: string): Diagnosis {
  return { state: 'attention', message, next };
}

function problem(message: string, next: string): Diagnosis {
  return { state: 'problem', message, next };
}
