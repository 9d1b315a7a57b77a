import { keepPreviousData, useQueries, useQuery } from '@tanstack/react-query';
import { devicesQuery } from '../../api/fleet.ts';
import { fieldsQuery } from '../../api/telemetry.ts';
import type { RuleDraft } from './rule-draft.ts';

export interface FieldSuggestion {
  readonly name: string;
  readonly unit: string | null;
}

const ASKED_DEVICES = 6;

/** The fields that the devices in the scope send: of the chosen one, else of those that were heard of last. */
export function useFieldSuggestions(draft: Pick<RuleDraft, 'scope' | 'tag' | 'device'>, numeric: boolean) {
  const tag = draft.scope === 'tag' ? draft.tag.trim() : '';
  const heard = useQuery({
    ...devicesQuery({
      state: 'active',
      sort: 'lastSeenAt',
      order: 'desc',
      limit: String(ASKED_DEVICES),
      ...(tag ? { tag } : {}),
    }),
    placeholderData: keepPreviousData,
    staleTime: 30_000,
    enabled: draft.scope !== 'device',
  });
  const ids =
    draft.scope === 'device' ? [draft.device].filter(Boolean) : (heard.data?.items.map(({ id }) => id) ?? []);
  return useQueries({
    queries: ids.map((id) => ({ ...fieldsQuery(id), staleTime: 30_000, retry: false })),
    combine: (answers) => {
      const units = new Map<string, string | null>();
      for (const { data } of answers) {
        for (const { name, unit, kind } of data?.items ?? []) {
          if (!numeric || kind === 'number') units.set(name, units.get(name) ?? unit);
        }
      }
      return {
        /** Whose fields these are. */
        devices: ids,
        fields: [...units].map(([name, unit]): FieldSuggestion => ({ name, unit })),
      };
    },
  });
}
