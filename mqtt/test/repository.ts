import { join } from 'node:path';

export const repository = join(import.meta.dir, '../..');

export function readText(path: string): Promise<string> {
  return Bun.file(join(repository, path)).text();
}
