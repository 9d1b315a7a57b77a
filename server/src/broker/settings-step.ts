import type { DesiredState } from './desired-state.ts';
import type { Emqx } from './emqx.ts';

/** A difference found: noted, and repaired unless the run only inspects. */
export type Step = (what: string, repair: () => Promise<void>) => Promise<void>;

export interface SettingsDeps {
  readonly emqx: Emqx;
  readonly desired: DesiredState;
  readonly step: Step;
  /** False changes nothing, and waits for nothing. */
  readonly repair: boolean;
}
