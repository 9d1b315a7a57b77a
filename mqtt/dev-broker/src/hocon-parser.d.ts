declare module '@pushcorn/hocon-parser' {
  /** Parses HOCON; `strict` follows the specification without the package's own extensions. */
  export function parse(options: { text: string; strict?: boolean }): Promise<unknown>;
}
