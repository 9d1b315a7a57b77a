import { Hono } from 'hono';
import { z } from 'zod';
import {
  alertChannel,
  alertChannelChange,
  alertChannelList,
  alertChannelPath,
  alertChannelSecret,
  alertDeliveryPage,
  alertDeliveryQuery,
  channelTestAnswer,
  createdAlertChannel,
  newAlertChannel,
} from '../../../contract/api/alert-channels.ts';
import { auditOrigin } from '../../audit/audit.ts';
import { type ApiEnv, requireAdmin } from '../../http/actor.ts';
import { cursor, cutPage } from '../../http/cursor.ts';
import { describeOperation } from '../../http/describe.ts';
import { requireCurrentVersion, setEntityTag } from '../../http/etag.ts';
import { validate } from '../../http/validate.ts';
import { changeChannel, createChannel, deleteChannel } from './change-channel.ts';
import { replaceSecret } from './replace-secret.ts';
import { describeChannel, listChannels, listDeliveries, readChannel } from './store.ts';
import { type TestDeps, testChannel } from './test-channel.ts';

const tag = 'Alert channels';
const deliveriesQuery = alertDeliveryQuery.extend({ cursor: cursor(z.int().min(0)) });

/** Channels: where alerts are delivered, and what became of it. */
export function channelRoutes(deps: TestDeps) {
  const { db, clock } = deps;
  return new Hono<ApiEnv>()
    .get(
      '/alert-channels',
      describeOperation({
        id: 'listAlertChannels',
        tag,
        summary: 'List all alert channels, newest first',
        description:
          'There are at most 50. Viewers see only the host of a webhook or topic, for its address may be a secret.',
        answer: alertChannelList,
      }),
      async (c) => c.json({ items: await listChannels(db, c.get('actor').role) }),
    )
    .post(
      '/alert-channels',
      requireAdmin,
      describeOperation({
        id: 'createAlertChannel',
        tag,
        summary: 'Create an alert channel',
        description:
          'A webhook is signed as Standard Webhooks says; its secret is shown only in this answer. E-mail needs `SMTP_URL`. Addresses that are not public need `ALERT_PRIVATE_ADDRESSES`.',
        answer: createdAlertChannel,
        status: 201,
        admin: true,
        problems: ['conflict', 'validation-failed'],
      }),
      validate('json', newAlertChannel),
      async (c) => {
        const row = await createChannel(deps, c.req.valid('json'), auditOrigin(c, clock.now()));
        setEntityTag(c, row.version);
        const secret = row.kind === 'webhook' ? row.secret : null;
        return c.json({ ...(await describeChannel(db, row, c.get('actor').role)), secret }, 201);
      },
    )
    .get(
      '/alert-channels/:id',
      describeOperation({
        id: 'readAlertChannel',
        tag,
        summary: 'Read an alert channel',
        answer: alertChannel,
        problems: ['not-found'],
      }),
      validate('param', alertChannelPath),
      async (c) => {
        const row = await readChannel(db, c.req.valid('param').id);
        setEntityTag(c, row.version);
        return c.json(await describeChannel(db, row, c.get('actor').role));
      },
    )
    .patch(
      '/alert-channels/:id',
      requireAdmin,
      describeOperation({
        id: 'changeAlertChannel',
        tag,
        summary: 'Change an alert channel',
        description:
          'Disabling it drops what waits for it. Once it is enabled again, it is sent what fires now, and the end of each alert whose beginning it was sent.',
        answer: alertChannel,
        admin: true,
        ifMatch: true,
        problems: ['not-found', 'conflict', 'validation-failed'],
      }),
      validate('param', alertChannelPath),
      validate('json', alertChannelChange),
      async (c) => {
        const row = await changeChannel(deps, c.req.valid('param').id, c.req.valid('json'), {
          origin: auditOrigin(c, clock.now()),
          checkVersion: (version) => requireCurrentVersion(c, version),
        });
        setEntityTag(c, row.version);
        return c.json(await describeChannel(db, row, c.get('actor').role));
      },
    )
    .delete(
      '/alert-channels/:id',
      requireAdmin,
      describeOperation({
        id: 'deleteAlertChannel',
        tag,
        summary: 'Delete an alert channel with its messages',
        description: 'Refused while alert rules name it.',
        admin: true,
        ifMatch: true,
        problems: ['not-found', 'conflict'],
      }),
      validate('param', alertChannelPath),
      async (c) => {
        await deleteChannel(db, c.req.valid('param').id, {
          origin: auditOrigin(c, clock.now()),
          checkVersion: (version) => requireCurrentVersion(c, version),
        });
        return c.body(null, 204);
      },
    )
    .post(
      '/alert-channels/:id/secret',
      requireAdmin,
      describeOperation({
        id: 'replaceAlertChannelSecret',
        tag,
        summary: 'Replace the signing secret of a webhook',
        description: 'For a day its messages are signed with the former secret as well.',
        answer: alertChannelSecret,
        admin: true,
        problems: ['not-found', 'conflict'],
      }),
      validate('param', alertChannelPath),
      async (c) => {
        const secret = await replaceSecret(deps, c.req.valid('param').id, auditOrigin(c, clock.now()));
        return c.json({ secret });
      },
    )
    .post(
      '/alert-channels/:id/test',
      requireAdmin,
      describeOperation({
        id: 'testAlertChannel',
        tag,
        summary: 'Send a test message and answer what the receiver said',
        description:
          'At once, also to a channel that is disabled. It is not tried again, nor listed as a delivery.',
        answer: channelTestAnswer,
        admin: true,
        problems: ['not-found'],
      }),
      validate('param', alertChannelPath),
      async (c) => c.json(await testChannel(deps, c.req.valid('param').id, auditOrigin(c, clock.now()))),
    )
    .get(
      '/alert-channels/:id/deliveries',
      describeOperation({
        id: 'listAlertDeliveries',
        tag,
        summary: 'List the messages of an alert channel, newest first',
        description: 'Kept for 90 days, and for as long as an alert that they are about.',
        answer: alertDeliveryPage,
        problems: ['not-found', 'bad-request'],
      }),
      validate('param', alertChannelPath),
      validate('query', deliveriesQuery),
      async (c) => {
        const { id } = c.req.valid('param');
        const { cursor: before, ...query } = c.req.valid('query');
        await readChannel(db, id);
        const rows = await listDeliveries(db, id, { ...query, limit: query.limit + 1 }, before);
        const page = cutPage(rows, query.limit, (last) => last.seq);
        return c.json({ items: page.rows.map(({ seq: _, ...delivery }) => delivery), next: page.next });
      },
    );
}
