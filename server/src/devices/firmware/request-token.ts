import type { Clock } from '../../platform/clock.ts';
import type { ErrorCode } from '../../platform/errors.ts';
import type { IssuedToken, TokenSubject, Tokens } from '../../tokens/token.ts';
import type { DeviceRecord } from '../registration.ts';
import type { DeviceStore } from '../store.ts';
import { type Credential, supersededKey } from './credential.ts';

export type Enrollment = 'open' | 'approval' | 'closed';

export interface RequestTokenDeps {
  readonly clock: Clock;
  readonly tokens: Tokens;
  readonly store: DeviceStore;
  readonly enrollment: Enrollment;
  /** Devices that may register themselves in an hour. */
  readonly registrationsPerHour: number;
  /** Told of a device that registered itself. */
  readonly onRegistered: (device: DeviceRecord) => void;
}

export interface Refusal {
  readonly outcome: 'refused';
  readonly reason: ErrorCode;
  readonly message: string;
  /** The limit that is used up, where that is the reason. */
  readonly exceeded?: {
    readonly limit: number;
    readonly windowMs: number;
    /** Until it starts again. */
    readonly resetSeconds: number;
  };
}

/** Where a request came from, for the audit log. */
export interface RequestOrigin {
  readonly address: string;
  readonly requestId: string;
}

export type TokenOutcome =
  | { readonly outcome: 'issued'; readonly device: DeviceRecord; readonly issued: IssuedToken }
  | Refusal;

/** Issues a token to the holder of a good credential for `uuid`, registering the device where the policy allows it. */
export async function requestToken(
  deps: RequestTokenDeps,
  uuid: string,
  credential: Exclude<Credential, { kind: 'refused' }>,
  origin: RequestOrigin,
): Promise<TokenOutcome> {
  if (credential.kind === 'token') {
    const admitted = await admitToken(deps.store, credential.subject, uuid);
    return 'outcome' in admitted ? admitted : await issue(deps, admitted);
  }
  const known = await deps.store.find(uuid);
  // A deleted device does not come back by a key that was replaced before.
  const keyNumber = known?.keyNumber ?? (await keyNumberToRegister(deps.store, uuid, credential));
  if (isReplaced(credential, keyNumber)) return refuse(supersededKey.reason, supersededKey.message);
  const device = known ?? (await register(deps, uuid, credential.role, origin));
  if ('outcome' in device) return device;
  if (isReplaced(credential, device.keyNumber)) return refuse(supersededKey.reason, supersededKey.message);
  if (device.role !== credential.role) {
    return refuse('wrong_role', `This device is registered as ${device.role}, not as ${credential.role}.`);
  }
  return stateRefusal(device) ?? (await issue(deps, device));
}

function keyNumberToRegister(
  store: DeviceStore,
  uuid: string,
  credential: Exclude<Credential, { kind: 'refused' }>,
): Promise<number> | number {
  return credential.kind === 'device_key' ? store.findKeyNumber(uuid) : 0;
}

function isReplaced(credential: Exclude<Credential, { kind: 'refused' }>, keyNumber: number): boolean {
  return credential.kind === 'device_key' && credential.keyNumber !== keyNumber;
}

/** What the holder of a token is told that has been replaced. */
export const supersededToken = 'The token belongs to an older generation of this device.';

/** The device that a token, whose signature and times are good, speaks for; or why it does not reach `uuid`. */
export async function admitToken(
  store: Pick<DeviceStore, 'find'>,
  subject: TokenSubject,
  uuid: string,
): Promise<DeviceRecord | Refusal> {
  const device = await store.find(subject.id);
  if (!device || device.generation !== subject.generation) {
    return refuse('superseded', supersededToken);
  }
  if (subject.id !== uuid) return refuse('wrong_device', 'The token belongs to another device.');
  return stateRefusal(device) ?? device;
}

function stateRefusal(device: DeviceRecord): Refusal | undefined {
  if (device.state === 'revoked') return refuse('revoked', 'This device has been revoked.');
  if (device.state === 'pending') return refuse('pending', 'This device is waiting for approval.');
  return undefined;
}

async function register(
  deps: RequestTokenDeps,
  id: string,
  role: DeviceRecord['role'],
  origin: RequestOrigin,
): Promise<DeviceRecord | Refusal> {
  if (deps.enrollment === 'closed') {
    return refuse('unknown_device', 'This server accepts only devices that an operator has registered.');
  }
  const now = deps.clock.now();
  const registered = await deps.store.register(
    { id, role, state: deps.enrollment === 'approval' ? 'pending' : 'active' },
    { at: new Date(now), actorKind: 'device', actor: id, ...origin },
    deps.registrationsPerHour,
  );
  if (registered) {
    deps.onRegistered(registered);
    return registered;
  }
  const other = await deps.store.find(id);
  if (other) return other;
  return {
    ...refuse('rate_limited', 'Too many new devices in this hour.'),
    exceeded: {
      limit: deps.registrationsPerHour,
      windowMs: HOUR_MS,
      resetSeconds: Math.ceil((HOUR_MS - (now % HOUR_MS)) / 1000),
    },
  };
}

const HOUR_MS = 3_600_000;

async function issue(deps: RequestTokenDeps, device: DeviceRecord): Promise<TokenOutcome> {
  return { outcome: 'issued', device, issued: await deps.tokens.issue(device) };
}

function refuse(reason: ErrorCode, message: string): Refusal {
  return { outcome: 'refused', reason, message };
}
