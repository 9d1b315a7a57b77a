/**
 * Reads the single values of HOCON as EMQX prints it (`GET /configs`), by their dotted path. A reader of printed
 * configuration, not of all that HOCON allows: lists are passed over, and so is what spans lines.
 */
export function hoconValues(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  const path: string[] = [];
  const token =
    /\s*(?:([\w."$-]+)\s*\{|([\w."$-]+)\s*[=:]\s*(?=(\[)?)("(?:\\.|[^"\\])*"|[^\s,{}[\]]*)|(\})|(\[)|.)/gy;
  for (let match = token.exec(text); match; match = token.exec(text)) {
    const [, block, key, list, value, close, open] = match;
    if (block !== undefined) path.push(unquote(block));
    else if (close !== undefined) path.pop();
    else if (list !== undefined || open !== undefined)
      token.lastIndex = endOfList(text, token.lastIndex - (list ? 0 : 1));
    else if (key !== undefined && value !== undefined)
      values.set([...path, unquote(key)].join('.'), unquote(value));
  }
  return values;
}

/** Where the list that begins at or behind `from` ends. */
function endOfList(text: string, from: number): number {
  const token = /"(?:\\.|[^"\\])*"|\[|\]/g;
  token.lastIndex = from;
  let depth = 0;
  for (let match = token.exec(text); match; match = token.exec(text)) {
    if (match[0] === '[') depth++;
    if (match[0] === ']' && --depth <= 0) return token.lastIndex;
  }
  return text.length;
}

function unquote(text: string): string {
  return text.startsWith('"') ? text.slice(1, -1) : text;
}
