import { type FleetIdentity, fleetIdentities } from '../fleet/identity.ts';

/** A device of the demo. */
export interface DemoDevice extends FleetIdentity {
  readonly name: string;
  readonly tags: readonly string[];
  /** What it shows: most are `steady`. */
  readonly part: 'steady' | 'flapping' | 'pending' | 'revoked';
  /** UUID of the master that an agent is paired with. */
  readonly master: string | undefined;
}

type Character = Pick<DemoDevice, 'name' | 'tags' | 'part'> & { readonly masterAt?: number };

const MASTERS: readonly Character[] = [
  { name: 'Greenhouse controller', tags: ['greenhouse'], part: 'steady' },
  { name: 'Workshop controller', tags: ['workshop'], part: 'steady' },
  { name: 'House controller', tags: ['house'], part: 'steady' },
];

const AGENTS: readonly Character[] = [
  { name: 'Tomato bed', tags: ['greenhouse'], part: 'steady', masterAt: 0 },
  { name: 'Seedling bench', tags: ['greenhouse'], part: 'steady', masterAt: 0 },
  { name: 'Rain barrel', tags: ['garden', 'greenhouse'], part: 'steady', masterAt: 0 },
  { name: 'Lathe bay', tags: ['workshop'], part: 'steady', masterAt: 1 },
  { name: 'Compressor room', tags: ['workshop', 'bad-wifi'], part: 'flapping', masterAt: 1 },
  { name: 'Living room', tags: ['house'], part: 'steady', masterAt: 2 },
  { name: 'Attic', tags: ['house'], part: 'steady', masterAt: 2 },
  // Nobody has named a device that waits for approval.
  { name: '', tags: [], part: 'pending' },
  { name: 'Old cellar sensor', tags: ['house', 'retired'], part: 'revoked' },
];

/** The twelve devices of the demo, masters first; the same in every run. */
export function demoDevices(): DemoDevice[] {
  const characters = [...MASTERS, ...AGENTS];
  const identities = fleetIdentities('demo', characters.length, MASTERS.length);
  return characters.flatMap(({ masterAt, ...character }, at) => {
    const identity = identities[at];
    if (!identity) return [];
    return [
      { ...identity, ...character, master: masterAt === undefined ? undefined : identities[masterAt]?.uuid },
    ];
  });
}
