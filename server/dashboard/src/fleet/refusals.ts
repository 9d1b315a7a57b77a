const REASONS: Readonly<Record<string, string>> = {
  bad_credential: 'the key is wrong. Compare KEY in the sketch with the key of this device.',
  superseded: 'the credential is of an older generation. Flash the current key.',
  wrong_device: 'the credential belongs to another device. Compare UUID and KEY in the sketch.',
  wrong_role: 'the credential is of the other role. Use the key of this device.',
  expired: 'the token has expired; the device asks again with its key.',
  revoked: 'the device is revoked. Restore it to let it in.',
  pending: 'the device waits for approval.',
};

/** Why a device was refused and what to do, from what the audit log says after the fact. */
export function describeRefusal(after: unknown): string {
  const reason = typeof after === 'object' && after !== null && 'reason' in after ? String(after.reason) : '';
  return REASONS[reason] ?? `reason ${reason || 'not given'}.`;
}
