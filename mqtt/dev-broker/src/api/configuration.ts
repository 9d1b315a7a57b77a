import { Hono } from 'hono';
import { z } from 'zod';
import { globalZoneSchema } from '../configuration/global-zone.ts';
import { formatHocon, parseHocon, type Tree } from '../configuration/hocon.ts';
import { sysTopicsSchema } from '../configuration/sys-topics.ts';
import type { BrokerCore } from '../core.ts';
import { badRequest, checkBody } from './errors.ts';

/** `/configs`: two roots by their names, which are written as a whole, and all of it but zones as HOCON, which is merged. */
export function configurationRoutes({ configuration }: BrokerCore) {
  const app = new Hono();

  const globalZone = () => {
    const { retainer: _, sys_topics: __, delayed: ___, zones: ____, ...zone } = configuration.current;
    return zone;
  };

  app.get('/configs/global_zone', (context) => context.json(globalZone()));

  app.put('/configs/global_zone', async (context) => {
    configuration.change(checkBody(globalZoneSchema, await context.req.json()));
    return context.json(globalZone());
  });

  app.get('/configs/sys_topics', (context) => context.json(configuration.current.sys_topics));

  app.put('/configs/sys_topics', async (context) => {
    configuration.change({ sys_topics: checkBody(sysTopicsSchema, await context.req.json()) });
    return context.json(configuration.current.sys_topics);
  });

  app.get('/configs', (context) => {
    if (context.req.query('key') === 'zones') throw badRequest('Invalid value for key');
    const accept = context.req.header('accept') ?? '*/*';
    // Only these roots are given as JSON.
    if (!/text\/plain|\*\/\*/.test(accept))
      return context.json({ sys_topics: configuration.current.sys_topics });
    // Zones can be written and not read, in no form.
    const { zones: _, ...shown } = configuration.current;
    return context.text(formatHocon(shown as Tree));
  });

  app.put('/configs', async (context) => {
    if ((context.req.query('mode') ?? 'merge') !== 'merge') throw badRequest('Only mode=merge is modelled');
    const tree = await parseHocon(await context.req.text());
    const refused = (errors: string) => context.json({ errors }, 400);
    if (!tree || Object.keys(tree).length === 0) return refused('bad_hocon_file');
    try {
      configuration.change(tree);
    } catch (error) {
      if (error instanceof z.ZodError) return refused(z.prettifyError(error));
      throw error;
    }
    return context.body(null, 200);
  });

  return app;
}
