const WORDS: Readonly<Record<string, string>> = {
  normal: 'The device left with a DISCONNECT.',
  keepalive_timeout: 'Nothing was heard from the device for one and a half times its keep-alive.',
  tcp_closed: 'The connection closed without a DISCONNECT.',
  ssl_closed: 'The connection closed without a DISCONNECT.',
  takenover: 'Another connection with the same client id took the session over.',
  discarded: 'Another connection with the same client id replaced the session.',
  kicked: 'The server or an operator ended the session.',
  missed: 'The end was not seen: the server was not listening.',
};

/** Reasons for which a session ends because another one of the same client id begins. */
export const TAKEN_OVER = ['takenover', 'discarded'] as const;

/** Why a session ended, in words; `reason` is the broker's. */
export function disconnectReason(reason: string): string {
  return WORDS[reason] ?? `The broker ended the session: ${reason}.`;
}
