import { Hono } from 'hono';
import { z } from 'zod';
import { eventKinds, eventsQuery } from '../../contract/api/events.ts';
import type { ApiEnv } from '../http/actor.ts';
import { describeOperation } from '../http/describe.ts';
import { eventStream } from '../http/event-stream.ts';
import { validate } from '../http/validate.ts';
import { requirePlace } from '../http/viewers.ts';
import { createHub, type HubDeps } from './hub.ts';
import { readPlace } from './place.ts';

/** On this instance. */
const MAX_VIEWERS = 200;
/** Of one session or API key: a browser with many tabs. */
const MAX_OF_ACTOR = 20;

/** What happens in the fleet, as it happens: one stream for each operator who watches. */
export function createLiveEvents(deps: HubDeps) {
  const { clock } = deps;
  const stopping = new AbortController();
  const hub = createHub(deps);

  return {
    operatorRoutes: new Hono<ApiEnv>().get(
      '/events',
      describeOperation({
        id: 'watchEvents',
        tag: 'Events',
        summary: 'Watch the fleet as it changes',
        description:
          'Server-sent events: `presence`, `device`, `command` and `alert` carry the new state of a resource (several changes within a second are sent as one); `telemetry` has the newest record of a device, at most once a second, of the devices named by `device` or with `values=true`. `reset` says that lists have to be read again: it begins a stream, and follows a `Last-Event-ID` whose place is gone or too many changes. With `Last-Event-ID` no change is missed; of those that were sent together, some may come again. The stream ends after five minutes, and within a second of the end of its session or API key; an EventSource comes back by itself. At most 200 streams an instance, 20 of them of one session or key.',
        answer: z.string(),
        answerType: 'text/event-stream',
        problems: ['bad-request'],
      }),
      validate('query', eventsQuery),
      (c) => {
        const { kinds, device, values } = c.req.valid('query');
        const actor = c.get('actor');
        requirePlace(hub.viewers(), actor, { limit: MAX_VIEWERS, ofActor: MAX_OF_ACTOR });
        const last = c.req.header('last-event-id');
        const from = last === undefined ? undefined : readPlace(last);
        return eventStream(c, { clock, stopping: stopping.signal }, (stream) => {
          hub.join({
            actor,
            stream,
            kinds: kinds ?? eventKinds,
            devices: device ?? [],
            allValues: values === 'true',
            from,
            lost: last !== undefined && from === undefined,
          });
        });
      },
    ),
    onStopping: () => stopping.abort(),
    async close() {
      hub.close();
    },
  };
}

export type LiveEvents = ReturnType<typeof createLiveEvents>;
