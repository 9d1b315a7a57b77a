const PAIR_LIMIT_MS = 10_000;

/** Pairs an agent with a master by the operators' API. Both have to be registered. */
export async function pairAgent(
  server: string,
  apiKey: string,
  agent: string,
  master: string,
): Promise<void> {
  const answer = await fetch(`${server}/api/v1/devices/${agent}/master`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ master }),
    signal: AbortSignal.timeout(PAIR_LIMIT_MS),
  });
  await answer.body?.cancel();
  if (!answer.ok) throw new Error(`${server} refused to pair ${agent}: ${answer.status}`);
}
