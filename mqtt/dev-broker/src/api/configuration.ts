import { Hono } from 'hono';
import { globalZoneSchema } from '../configuration/global-zone.ts';
import type { BrokerCore } from '../core.ts';
import { checkBody } from './errors.ts';

/** `/configs/global_zone`, which is read and written as a whole. */
export function configurationRoutes(core: BrokerCore) {
  const app = new Hono();

  app.get('/configs/global_zone', (context) => context.json(core.globalZone));

  app.put('/configs/global_zone', async (context) => {
    core.globalZone = checkBody(globalZoneSchema, await context.req.json());
    return context.json(core.globalZone);
  });

  return app;
}
