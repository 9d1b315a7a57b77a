import { rmSync } from 'node:fs';
import { join } from 'node:path';

const LIMIT_MS = 20_000;

export interface DeviceOptions {
  readonly program: string;
  readonly folder: string;
  readonly host: string;
  readonly uuid: string;
  readonly key: string;
}

interface Start {
  readonly millis?: number;
  readonly key?: string;
  readonly file?: boolean;
}

/** A device program that runs, stops and starts again with what its flash holds. */
export class Device {
  readonly uuid: string;
  readonly lines: string[] = [];
  #options: DeviceOptions;
  #process: Bun.Subprocess<'pipe', 'pipe', 'pipe'> | undefined;
  #errors = '';
  #read = 0;
  #wake: (() => void) | undefined;

  constructor(options: DeviceOptions) {
    this.uuid = options.uuid;
    this.#options = options;
    rmSync(this.#flash, { force: true });
  }

  get #flash(): string {
    return join(this.#options.folder, `${this.uuid}.flash`);
  }

  /** Powers it up; with `file`, it keeps the records that wait in its file system. */
  start({ millis = 1000, key = this.#options.key, file = false }: Start = {}): void {
    const { program, host } = this.#options;
    const command = [program, host, this.uuid, key, this.#flash, String(millis), ...(file ? ['file'] : [])];
    const child = Bun.spawn(command, {
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'pipe',
    });
    this.#process = child;
    void this.#collect(child.stdout);
    void new Response(child.stderr).text().then((text) => {
      this.#errors += text;
    });
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = '';
    for await (const chunk of stream) {
      const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = parts.pop() ?? '';
      this.lines.push(...parts);
      this.#wake?.();
    }
    this.#wake?.();
  }

  tell(line: string): void {
    this.#process?.stdin.write(`${line}\n`);
    this.#process?.stdin.flush();
  }

  /** The next line, from where the last wait ended, that begins so, or in one of these ways. */
  async next(start: string | readonly string[], limitMs = LIMIT_MS): Promise<string> {
    const starts = typeof start === 'string' ? [start] : start;
    const end = performance.now() + limitMs;
    for (;;) {
      while (this.#read < this.lines.length) {
        const line = this.lines[this.#read++] ?? '';
        if (starts.some((wanted) => line.startsWith(wanted))) return line;
      }
      const left = end - performance.now();
      if (left <= 0) {
        throw new Error(
          `${this.uuid} did not say ${JSON.stringify(start)}; it said:\n${this.lines.slice(-25).join('\n')}\n${this.#errors}`,
        );
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(left, 500));
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  async counters(): Promise<Record<string, number>> {
    this.tell('counters');
    const line = await this.next('counters ');
    return Object.fromEntries(
      line
        .split(' ')
        .slice(1)
        .map((part) => {
          const [name = '', value = ''] = part.split('=');
          return [name, Number(value)];
        }),
    );
  }

  /** Waits for some passes of its loop. */
  async passes(count = 5): Promise<void> {
    for (let i = 0; i < count; ++i) await this.counters();
  }

  /** Pulls the plug, or waits for it to have been pulled. */
  async stop(signal: 'SIGKILL' | 'none' = 'SIGKILL'): Promise<void> {
    if (signal === 'SIGKILL') this.#process?.kill('SIGKILL');
    await this.#process?.exited;
    this.#process = undefined;
    if (this.#errors.includes('Sanitizer') || this.#errors.includes('runtime error'))
      throw new Error(this.#errors);
  }
}
