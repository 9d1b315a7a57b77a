import { z } from 'zod';

/** The name of an operator; kept in lower case. */
export const username = z
  .string()
  .min(2, 'must be at least 2 characters long')
  .max(64, 'must be at most 64 characters long')
  .transform((text) => text.toLowerCase())
  .refine(
    (text) => /^[a-z0-9][a-z0-9._@+-]+$/.test(text),
    'must be letters, digits and . _ @ + -, starting with a letter or digit',
  );

const MIN_PASSWORD_CHARACTERS = 12;
const MAX_PASSWORD_CHARACTERS = 256;

/** A password as it is chosen: length is what counts (NIST SP 800-63B, section 3.1.1). */
export const newPassword = z
  .string()
  .min(MIN_PASSWORD_CHARACTERS, `must be at least ${MIN_PASSWORD_CHARACTERS} characters long`)
  .max(MAX_PASSWORD_CHARACTERS, `must be at most ${MAX_PASSWORD_CHARACTERS} characters long`);

/** Whether a password is the user name, in any case, which no password may be. `username` is in lower case. */
export function isUsername(password: string, username: string): boolean {
  return password.toLowerCase() === username;
}

/** A password as it is entered; bounded, so that hashing it is. */
export const enteredPassword = z.string().min(1).max(MAX_PASSWORD_CHARACTERS);
