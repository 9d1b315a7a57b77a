import { z } from 'zod';

/** How far a viewer has been told: the cursor of each source, by its kind. */
export type Place = Readonly<Record<string, string>>;

const MAX_ID_CHARACTERS = 8_192;
const place = z.record(z.string().max(32), z.string().max(4_096));

/** A place as the id of an event. */
export function writePlace(at: Place): string {
  return Buffer.from(JSON.stringify(at)).toString('base64url');
}

/** The place that a `Last-Event-ID` names; nothing when it is none of this server's. */
export function readPlace(id: string): Place | undefined {
  if (id.length > MAX_ID_CHARACTERS) return undefined;
  try {
    return place.safeParse(JSON.parse(Buffer.from(id, 'base64url').toString('utf8'))).data;
  } catch {
    return undefined;
  }
}
