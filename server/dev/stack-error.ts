/** The development stack cannot start or go on. Its message says in a sentence or two why, and what to do. */
export class StackError extends Error {
  override name = 'StackError';
}

/** A failed access to a file or folder, in a few words. */
export function accessFault(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  const words: Readonly<Record<string, string>> = {
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    EROFS: 'read-only file system',
    ENOTDIR: 'part of the path is not a folder',
    EEXIST: 'it is not a folder',
    ENOSPC: 'no space left',
  };
  return words[code] ?? code;
}
