import { createLogger, type Logger } from '../src/platform/logger.ts';

/** A logger that says nothing. */
export function silentLog(): Logger {
  return createLogger({ debug: false, format: 'json', destination: { write: () => {} } });
}

export interface LogLine extends Readonly<Record<string, unknown>> {
  readonly level: number;
  readonly msg: string;
}

/** A logger whose lines a test can read, parsed; `text` is all of them as they were written. */
export function recordingLog(options: { debug?: boolean } = {}): {
  readonly log: Logger;
  readonly lines: LogLine[];
  text(): string;
} {
  const lines: LogLine[] = [];
  const written: string[] = [];
  const log = createLogger({
    debug: options.debug ?? false,
    format: 'json',
    destination: {
      write(line) {
        written.push(line);
        lines.push(JSON.parse(line));
      },
    },
  });
  return { log, lines, text: () => written.join('') };
}

export const WARN = 40;
