import { parseArgs } from 'node:util';
import { StackError } from './stack-error.ts';

export const USAGE = `Usage: bun run dev [options]

The whole product on this machine, embedded: server, PostgreSQL and broker.

  --demo   twelve simulated devices with a week of history, in a DATA_DIR of their own (.data-demo)
  --help   this text`;

/**
 * Reads the flags of \`bun run dev\`.
 *
 * @throws StackError for one that does not exist.
 */
export function readStackArguments(args: readonly string[]): {
  readonly demo: boolean;
  readonly help: boolean;
} {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        demo: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    return values;
  } catch {
    throw new StackError(`Unknown arguments: ${args.join(' ')}. There are --demo and --help.`);
  }
}
