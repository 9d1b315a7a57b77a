import type { Device } from '../api/fleet.ts';

type Shown = Pick<Device, 'state' | 'online' | 'lastSeenAt'>;

/** In a word whether a device may connect, and does. */
function statusOf(device: Shown): { readonly word: string; readonly tone: string } {
  if (device.state === 'pending') return { word: 'Pending', tone: 'warn' };
  if (device.state === 'revoked') return { word: 'Revoked', tone: 'bad' };
  if (device.online) return { word: 'Online', tone: 'good' };
  return device.lastSeenAt === null
    ? { word: 'Never connected', tone: 'hollow' }
    : { word: 'Offline', tone: 'quiet' };
}

export function DeviceStatus({ device }: { readonly device: Shown }) {
  const { word, tone } = statusOf(device);
  return (
    <span className="status">
      <span className={`dot ${tone}`} aria-hidden="true" />
      {word}
    </span>
  );
}

export function StatusBadge({ device }: { readonly device: Shown }) {
  const { word, tone } = statusOf(device);
  return (
    <span className={`badge ${tone}`}>
      <span className={`dot ${tone}`} aria-hidden="true" />
      {word}
    </span>
  );
}

export function roleName(role: Device['role']): string {
  return role === 'master' ? 'Master' : 'Agent';
}
