/** Variables that move the stack, in the order in which they are printed. */
const MOVES = ['PORT', 'MQTT_PORT', 'EMQX_API_PORT', 'DATA_DIR', 'DATABASE_URL'] as const;

/** `npx -y bun run …` with the variables given to this stack, and others or more of them, in front. */
export function commandLine(
  command: string,
  env: Readonly<Record<string, string | undefined>>,
  changed: Readonly<Record<string, string>> = {},
): string {
  const given = MOVES.flatMap((name) => {
    const value = changed[name] ?? env[name];
    return value ? [`${name}=${quoted(value)}`] : [];
  });
  const more = Object.entries(changed)
    .filter(([name]) => !MOVES.some((known) => known === name))
    .map(([name, value]) => `${name}=${quoted(value)}`);
  return [...given, ...more, command].join(' ');
}

/** As a shell takes it for one word. */
export function quoted(value: string): string {
  return /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}

/**
 * Joins `--name value` to `--name=value` for the named options: `parseArgs` refuses a value that begins with `-`, as
 * one device key in 64 does.
 */
export function joinValues(args: readonly string[], names: readonly string[]): string[] {
  const joined: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const argument = args[at] ?? '';
    const value = args[at + 1];
    if (names.some((name) => argument === `--${name}`) && value !== undefined) {
      joined.push(`${argument}=${value}`);
      at++;
    } else {
      joined.push(argument);
    }
  }
  return joined;
}
