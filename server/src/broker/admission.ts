import { type Emqx, EmqxError } from './emqx.ts';
import { CLOSED_AUTHENTICATOR, type SettingsDeps } from './reconcile-settings.ts';

export interface AdmissionReport {
  readonly foreignAuthenticators: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Lets devices in: the authenticator that accepts their tokens, then the listeners, which the image keeps closed at boot
 * since EMQX takes every CONNECT until its authentication is hooked in. Call it once rules and bans are in place.
 *
 * @param present the authenticators as read before anything else: should the broker come back empty in the middle of a
 *   run, the authenticator is not found when it is replaced, and the run fails instead of admitting devices before rules.
 */
export async function admit(
  deps: SettingsDeps & { readonly repair: boolean },
  present: Awaited<ReturnType<Emqx['authenticators']>>,
): Promise<AdmissionReport> {
  const { emqx, desired, repair, step } = deps;
  const { mechanism } = desired.authenticator;
  const ours = present.findIndex((authenticator) => authenticator.mechanism === mechanism);
  if (ours === -1) {
    await step('authenticator missing', () => emqx.createAuthenticator(desired.authenticator));
  } else if (!present[ours]?.enable) {
    await step('authenticator disabled', async () => {});
  }
  // Always replaced: its secret cannot be read, so a difference in it cannot be seen.
  if (repair) await emqx.replaceAuthenticator(mechanism, desired.authenticator);
  if (ours > 0 || (ours === -1 && present.length > 0)) {
    await step('authenticator not in front', () => emqx.moveAuthenticatorToFront(mechanism));
  }
  const isForeign = ({ id }: { id: string }, at: number) => at !== ours && id !== CLOSED_AUTHENTICATOR;
  return {
    foreignAuthenticators: present.filter(isForeign).map(({ id }) => id),
    warnings: await openListeners(deps),
  };
}

async function openListeners({ emqx, desired, step }: SettingsDeps): Promise<string[]> {
  const warnings: string[] = [];
  for (const { id, running } of await emqx.listeners()) {
    if (running || !desired.deviceListeners.includes(id)) continue;
    try {
      await step(`listener ${id} closed`, () => emqx.startListener(id));
    } catch (error) {
      if (!(error instanceof EmqxError) || error.kind === 'unreachable') throw error;
      warnings.push(`listener ${id} cannot be started: ${error.message}`);
    }
  }
  return warnings;
}
