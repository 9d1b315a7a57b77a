/** An answer of the REST API; `body` is parsed where it is JSON, text otherwise, null where there is none. */
export interface Answer {
  status: number;
  body: unknown;
}

export type RestClient = (method: string, path: string, body?: unknown) => Promise<Answer>;

/** Calls below `/api/v5` with an API key; `authorization` replaces the header, null leaves it out. */
export function restClient(
  url: string,
  apiKey: string,
  apiSecret: string,
  authorization: string | null = `Basic ${btoa(`${apiKey}:${apiSecret}`)}`,
): RestClient {
  return async (method, path, body) => {
    // Text goes and comes as it is: HOCON.
    const type = typeof body === 'string' ? 'text/plain' : 'application/json';
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        accept: path === '/configs' ? 'text/plain' : 'application/json',
        ...(authorization === null ? {} : { authorization }),
        ...(body === undefined ? {} : { 'content-type': type }),
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    return { status: response.status, body: readBody(await response.text()) };
  };
}

function readBody(text: string): unknown {
  if (text === '') return null;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
