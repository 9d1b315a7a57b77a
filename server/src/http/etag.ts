import type { Context } from 'hono';
import { AppError } from '../platform/errors.ts';

/** Sets the entity tag of an answer. */
export function setEntityTag(c: Context, version: number): void {
  c.header('ETag', `"${version}"`);
}

/**
 * Refuses a change that is based on another version (`If-Match`, RFC 9110, section 13.1.1). The header is
 * optional: without it, or with `*`, the last writer wins. Call it in the transaction of the change, with the version of
 * the row locked there. A tag that a compressing proxy made weak on its way to the client counts as the one it was.
 */
export function requireCurrentVersion(c: Context, version: number): void {
  const header = c.req.header('if-match')?.trim();
  if (header === undefined || header === '*') return;
  const tags = header.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  if (!tags.includes(`"${version}"`)) {
    throw new AppError('precondition_failed', 'The resource has changed since it was read.');
  }
}
