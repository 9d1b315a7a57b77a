/** The only source of randomness in the server; tests hand in a fixed one. */
export interface Random {
  /** A number in [0, 1), for jitter. Not for secrets. */
  fraction(): number;
  /** Bytes fit for secrets. */
  bytes(length: number): Uint8Array;
}

export const systemRandom: Random = {
  fraction: () => Math.random(),
  // Bun draws these from a pool; `randomBytes` asks the kernel each time.
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
};
