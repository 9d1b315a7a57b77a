/** The least that an answer with a token takes: `Bun.serve`, the server's statement through postgres.js, and an HMAC. */
import { createHmac } from 'node:crypto';
import postgres from 'postgres';
import { answerParent, ownUsage } from './answer-parent.ts';

const TOKEN_TTL_SECONDS = 14 * 86_400;

const sql = postgres(process.env.DATABASE_URL ?? '', { max: 10, onnotice: () => {} });
const secret = process.env.JWT_SECRET ?? '';
const header = base64url({ alg: 'HS256' });

const server = Bun.serve({
  port: 0,
  async fetch(request) {
    const uuid = new URL(request.url).searchParams.get('uuid');
    const [device] = await sql`select id, role, state, generation from devices where id = ${uuid}`;
    if (!device) return Response.json({ c: 'FORBIDDEN' }, { status: 401 });
    const now = Math.floor(Date.now() / 1000);
    const username = `${device.id}.${device.generation}`;
    const claims = { sub: device.id, username, role: device.role, iat: now, exp: now + TOKEN_TTL_SECONDS };
    const signed = `${header}.${base64url(claims)}`;
    const token = `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
    return Response.json({ c: 'OK', t: token, u: username, x: TOKEN_TTL_SECONDS, n: now });
  },
});

function base64url(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

answerParent({ port: () => server.port, usage: ownUsage });
