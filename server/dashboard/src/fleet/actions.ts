import { settled } from '../api/answer.ts';
import { api, ifVersion } from '../api/client.ts';
import type { Device, Receipt } from '../api/fleet.ts';
import { plural } from '../format/number.ts';
import type { Consequence } from '../ui/dialog.tsx';
import type { IconName } from '../ui/icon.tsx';

export type ActionName =
  | 'approve'
  | 'reject'
  | 'rotate'
  | 'replaceKey'
  | 'revoke'
  | 'restore'
  | 'unpair'
  | 'delete';

interface Action {
  readonly label: string;
  readonly done: string;
  readonly icon: IconName;
  readonly danger?: boolean;
  /** Whether it would change this device. */
  readonly appliesTo: (device: Device) => boolean;
  readonly consequences: (devices: readonly Device[]) => Consequence[];
  /** Whether it can be said why, for the audit log. */
  readonly takesReason?: boolean;
  readonly request: (device: Device, reason?: string) => Promise<Receipt>;
}

const one = api.devices[':id'];

interface WithReceipt {
  readonly ok: boolean;
  readonly status: number;
  json(): Promise<{ receipt: Receipt }>;
}

/** Each conditional on the version that the operator saw. */
async function receiptOf(request: Promise<WithReceipt>): Promise<Receipt> {
  return (await (await settled(request)).json()).receipt;
}

const online = (devices: readonly Device[]) => devices.filter((device) => device.online).length;

/** What operators do to devices: when it applies, what follows from it, how it is asked for. */
export const actions: Readonly<Record<ActionName, Action>> = {
  approve: {
    label: 'Approve',
    done: 'approved',
    icon: 'approve',
    appliesTo: ({ state }) => state === 'pending',
    consequences: () => [
      {
        icon: 'key',
        text: 'The next token request succeeds. Devices ask again by themselves within minutes.',
      },
    ],
    request: (device) => receiptOf(one.approve.$post({ param: device }, ifVersion(device.version))),
  },
  reject: {
    label: 'Reject',
    done: 'rejected',
    icon: 'close',
    danger: true,
    appliesTo: ({ state }) => state === 'pending',
    consequences: () => [
      { icon: 'trash', text: 'The request is removed. No token was ever issued for it.' },
      { icon: 'undo', text: 'The device may ask again. To shut it out for good, revoke it instead.' },
    ],
    request: (device) => receiptOf(one.reject.$post({ param: device }, ifVersion(device.version))),
  },
  rotate: {
    label: 'Rotate credentials',
    done: 'rotated',
    icon: 'refresh',
    appliesTo: ({ state }) => state === 'active',
    consequences: (devices) => [
      { icon: 'ban', text: 'All tokens issued so far stop working immediately.' },
      ...sessionsEnd(devices),
      { icon: 'undo', text: 'Devices come back by themselves with a new token. Their keys stay the same.' },
    ],
    request: (device) => receiptOf(one.rotate.$post({ param: device, query: {} }, ifVersion(device.version))),
  },
  replaceKey: {
    label: 'Replace the key',
    done: 'has a new key',
    icon: 'key',
    danger: true,
    appliesTo: ({ state }) => state === 'active',
    consequences: (devices) => [
      { icon: 'ban', text: 'The key and all tokens issued so far stop working immediately.' },
      ...sessionsEnd(devices),
      { icon: 'edit', text: 'The device stays away until the new key is flashed; see “Key and sketch”.' },
    ],
    request: (device) =>
      receiptOf(one.rotate.$post({ param: device, query: { key: 'true' } }, ifVersion(device.version))),
  },
  revoke: {
    label: 'Revoke',
    done: 'revoked',
    icon: 'ban',
    danger: true,
    appliesTo: ({ state }) => state !== 'revoked',
    consequences: (devices) => [
      { icon: 'key', text: 'No tokens are issued any more, and those issued stop working immediately.' },
      ...sessionsEnd(devices),
      { icon: 'link', text: 'Pairings, name and history are kept. You can restore it later.' },
    ],
    takesReason: true,
    request: (device, reason) =>
      receiptOf(
        one.revoke.$post({ param: device, json: reason ? { reason } : {} }, ifVersion(device.version)),
      ),
  },
  restore: {
    label: 'Restore',
    done: 'restored',
    icon: 'undo',
    appliesTo: ({ state }) => state === 'revoked',
    consequences: () => [
      { icon: 'key', text: 'The device may ask for a token again with its key.' },
      { icon: 'ban', text: 'Tokens from before the revocation stay invalid.' },
    ],
    request: (device) => receiptOf(one.restore.$post({ param: device }, ifVersion(device.version))),
  },
  unpair: {
    label: 'Unpair',
    done: 'unpaired',
    icon: 'unlink',
    appliesTo: ({ master }) => master !== null,
    consequences: () => [
      {
        icon: 'unlink',
        text: 'Master and agent no longer reach each other’s link topics; subscriptions end.',
      },
      { icon: 'wave', text: 'Both devices stay connected.' },
    ],
    request: (device) => receiptOf(one.master.$delete({ param: device }, ifVersion(device.version))),
  },
  delete: {
    label: 'Delete',
    done: 'deleted',
    icon: 'trash',
    danger: true,
    appliesTo: () => true,
    consequences: (devices) => [
      ...sessionsEnd(devices),
      ...agentsLose(devices),
      { icon: 'trash', text: 'Name, notes and tags are gone. The audit log is kept.' },
      ...returning(devices),
    ],
    request: (device) => receiptOf(one.$delete({ param: device }, ifVersion(device.version))),
  },
};

function sessionsEnd(devices: readonly Device[]): Consequence[] {
  const connected = online(devices);
  if (connected === 0) return [];
  if (devices.length === 1) return [{ icon: 'wave', text: 'The session that is up now ends.' }];
  return [{ icon: 'wave', text: `${plural(connected, 'session')} that are up now end.` }];
}

function agentsLose(devices: readonly Device[]): Consequence[] {
  const agents = devices.reduce((sum, device) => sum + (device.agents ?? 0), 0);
  return agents === 0 ? [] : [{ icon: 'unlink', text: `${plural(agents, 'agent')} lose their master.` }];
}

function returning(devices: readonly Device[]): Consequence[] {
  return devices.some(({ state }) => state === 'revoked')
    ? [
        {
          icon: 'alert',
          text: 'A revoked device that is deleted may register again with a good credential. Leave it revoked to keep it out.',
        },
      ]
    : [{ icon: 'info', text: 'A device that still has a good credential may register again.' }];
}

/** What became of a change on the broker, in a sentence. */
export function receiptText(receipt: Receipt): string {
  if (receipt.status === 'queued') {
    return `Saved. It takes effect on the broker as soon as that is reachable${receipt.reason ? `: ${receipt.reason}` : ''}.`;
  }
  if (receipt.steps.length === 0) return 'Nothing had to change on the broker.';
  return `In effect on the broker after ${receipt.effectiveAfterMs ?? 0} ms.`;
}
