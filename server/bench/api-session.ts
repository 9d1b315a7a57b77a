import { signIn } from './stack.ts';

/** Signs the first operator in, and calls the operators' API as a browser does. */
export async function openApiSession(port: number) {
  const origin = `http://127.0.0.1:${port}`;
  const headers = { cookie: await signIn(port), origin };
  return async (method: string, path: string): Promise<unknown> => {
    const response = await fetch(`${origin}/api/v1${path}`, { method, headers });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} was answered ${response.status}: ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  };
}
