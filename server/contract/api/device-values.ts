import { z } from 'zod';
import { deviceRoles } from '../roles.ts';
import { isPlain } from '../text.ts';

const MAX_NAME = 100;
const MAX_NOTES = 2_000;
const MAX_TAGS = 20;
const MAX_TAG = 40;

const CONTROL_BUT_LINES = /[^\P{Cc}\n\t]/u;

export const deviceName = z
  .string()
  .normalize('NFC')
  .trim()
  .max(MAX_NAME)
  .refine(isPlain, 'must not contain control characters');

export const deviceNotes = z
  .string()
  .transform((text) => text.normalize('NFC').replaceAll('\r\n', '\n').trim())
  .pipe(z.string().max(MAX_NOTES))
  .refine(
    (text) => text.isWellFormed() && !CONTROL_BUT_LINES.test(text),
    'must not contain control characters but line ends',
  );

export const deviceTag = z
  .string()
  .normalize('NFC')
  .trim()
  .min(1)
  .max(MAX_TAG)
  .refine((text) => isPlain(text) && !text.includes(';'), 'must not contain ";" or control characters');

/** Without repetitions, in the order given. */
export const deviceTags = z
  .array(deviceTag)
  .max(MAX_TAGS)
  .transform((tags) => [...new Set(tags)]);

export const deviceRole = z.enum(deviceRoles);
