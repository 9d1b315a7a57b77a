/** How one argument of a declared command is asked for, by the type that the device names. */
export type ArgumentKind = 'flag' | 'number' | 'text' | 'json';

export interface Argument {
  readonly name: string;
  /** As the device declares it. */
  readonly type: string;
  readonly kind: ArgumentKind;
}

export interface Declared {
  readonly name: string;
  readonly arguments: readonly Argument[];
}

const KINDS: readonly (readonly [RegExp, ArgumentKind])[] = [
  [/^bool(ean)?$/, 'flag'],
  [/^(number|num|float|double|u?int(eger)?(8|16|32|64)?)$/, 'number'],
  [/^(str(ing)?|text)$/, 'text'],
];

/** The commands that a device declares; what is not of the form that the protocol has is left out. */
export function declaredCommands(commands: Readonly<Record<string, unknown>>): Declared[] {
  return Object.entries(commands).flatMap(([name, value]) =>
    typeof value === 'object' && value !== null
      ? [{ name, arguments: Object.entries(value).map(([argument, type]) => argumentOf(argument, type)) }]
      : [],
  );
}

function argumentOf(name: string, type: unknown): Argument {
  const text = typeof type === 'string' ? type : '';
  return { name, type: text, kind: KINDS.find(([form]) => form.test(text.toLowerCase()))?.[1] ?? 'json' };
}

export type Parsed<T> = { readonly value: T } | { readonly fault: string };

/** What was entered for an argument; undefined where nothing was, which leaves it out. */
export function parseArgument({ kind, type }: Argument, text: string): Parsed<unknown> {
  const entered = text.trim();
  if (kind === 'text') return { value: text === '' ? undefined : text };
  if (entered === '') return { value: undefined };
  if (kind === 'flag') return { value: entered === 'true' };
  if (kind === 'number') {
    const number = Number(entered);
    if (!Number.isFinite(number)) return { fault: 'must be a number' };
    if (/int/.test(type) && !Number.isInteger(number)) return { fault: 'must be a whole number' };
    return { value: number };
  }
  return parseJson(entered);
}

/** The arguments of a free command: a JSON object, or nothing. */
export function parseArguments(text: string): Parsed<Record<string, unknown> | undefined> {
  if (text.trim() === '') return { value: undefined };
  const parsed = parseJson(text);
  if ('fault' in parsed) return parsed;
  return isObject(parsed.value) ? { value: parsed.value } : { fault: 'must be a JSON object: {"on": true}' };
}

function parseJson(text: string): Parsed<unknown> {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return { fault: `is not valid JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
