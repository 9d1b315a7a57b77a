import { AppError } from '../platform/errors.ts';

/**
 * The text of a document as spreadsheets write it: UTF-8, UTF-16 by its byte-order mark or by the zero bytes of its ASCII
 * characters, else windows-1252, as Excel saves "CSV" in Western Europe. Names are composed (Unicode NFC) afterwards.
 *
 * @throws AppError `validation_failed` for what is no text in any of them.
 */
export function decodeText(bytes: Uint8Array): string {
  const text = new TextDecoder(encodingOf(bytes)).decode(bytes);
  if (text.includes('\u0000')) throw new AppError('validation_failed', 'The document is not text.');
  return text;
}

function encodingOf(bytes: Uint8Array): Bun.Encoding | 'utf-16be' {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  if (first !== 0 && second === 0) return 'utf-16le';
  if (first === 0 && second !== 0) return 'utf-16be';
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return 'utf-8';
  } catch {
    return 'windows-1252';
  }
}
