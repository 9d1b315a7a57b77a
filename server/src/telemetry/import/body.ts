import { MAX_TELEMETRY_BYTES } from '../../http/body.ts';
import { AppError } from '../../platform/errors.ts';

/**
 * The text of a request's body as it arrives. A client sends no faster than this is read; one that is silent for too long has
 * its body broken off (`receiveBody`).
 *
 * @throws AppError `payload_too_large`; `validation_failed` for what is not UTF-8, or a body that was broken off.
 */
export async function* bodyText(body: ReadableStream<Uint8Array> | null): AsyncGenerator<string> {
  if (!body) return;
  const reader = body.getReader();
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let bytes = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(brokenOff);
      if (done) break;
      bytes += value.length;
      if (bytes > MAX_TELEMETRY_BYTES) throw tooLarge();
      yield decode(decoder, value);
    }
    const rest = decode(decoder);
    if (rest !== '') yield rest;
  } finally {
    void reader.cancel().catch(() => {});
  }
}

function decode(decoder: TextDecoder, bytes?: Uint8Array): string {
  try {
    return decoder.decode(bytes, { stream: bytes !== undefined });
  } catch {
    throw new AppError('validation_failed', 'The document is not UTF-8. What came before is stored.');
  }
}

function brokenOff(): never {
  throw new AppError('validation_failed', 'The document was broken off. What came before is stored.');
}

function tooLarge(): AppError {
  return new AppError(
    'payload_too_large',
    `A document must not exceed ${MAX_TELEMETRY_BYTES} bytes; what came before is stored.`,
  );
}
