/** Why a request of a device failed: `r` of the answer. The closed list of docs/protocol.md, section 2. */
export const reasons = [
  'no_credential',
  'bad_credential',
  'expired',
  'superseded',
  'revoked',
  'wrong_device',
  'wrong_role',
  'pending',
  'unknown_device',
  'bad_request',
  'not_found',
  'bad_method',
  'conflict',
  'rate_limited',
  'internal',
  'unavailable',
] as const;

export type Reason = (typeof reasons)[number];

/** The class of a failure: `c` of the answer. */
export const failureClasses = ['FORBIDDEN', 'NOT_REGISTERED', 'ERROR'] as const;

export type FailureClass = (typeof failureClasses)[number];
