import { Hono } from 'hono';
import {
  deviceAnswer,
  deviceEdit,
  devicePage,
  devicePath,
  keyAnswer,
  keyRequest,
  registration,
  removalAnswer,
  sketchHost,
} from '../../../contract/api/devices.ts';
import { auditOrigin } from '../../audit/audit.ts';
import { type ApiEnv, requireAdmin } from '../../http/actor.ts';
import { describeOperation } from '../../http/describe.ts';
import { setEntityTag } from '../../http/etag.ts';
import { requestOrigin } from '../../http/request-origin.ts';
import { validate } from '../../http/validate.ts';
import { AppError } from '../../platform/errors.ts';
import type { ChangeDeps } from '../change-device.ts';
import { toDeviceAnswer } from '../device.ts';
import { deleteDevice } from '../lifecycle/delete-device.ts';
import { editDevice } from './edit-device.ts';
import { deviceListQuery, listDevices } from './list-devices.ts';
import { listAgents, readDevice } from './read-device.ts';
import { registerDevice } from './register-device.ts';
import { changeRequest } from './request.ts';
import { type KeyDeps, showDeviceKey } from './show-device-key.ts';

export interface DeviceRoutesDeps extends ChangeDeps, KeyDeps {
  readonly trustProxyHops: number;
}

const tag = 'Devices';
const agentListQuery = deviceListQuery.omit({ master: true });

/** Listing, reading, registering, editing and deleting devices, and their keys. */
export function deviceRoutes(deps: DeviceRoutesDeps) {
  return new Hono<ApiEnv>()
    .get(
      '/devices',
      describeOperation({ id: 'listDevices', tag, summary: 'List devices', answer: devicePage }),
      validate('query', deviceListQuery),
      async (c) => {
        const { rows, next, total } = await listDevices(deps.db, c.req.valid('query'));
        return c.json({ items: rows.map(toDeviceAnswer), next, total });
      },
    )
    .post(
      '/devices',
      requireAdmin,
      describeOperation({
        id: 'registerDevice',
        tag,
        summary: 'Pre-register a device',
        description: '201 for a new device, 200 if it is already registered with the same values.',
        answer: deviceAnswer,
        status: 201,
        admin: true,
        problems: ['validation-failed', 'conflict'],
      }),
      validate('json', registration),
      async (c) => {
        const origin = auditOrigin(c, deps.clock.now());
        const { device, created } = await registerDevice(deps, c.req.valid('json'), origin);
        setEntityTag(c, device.version);
        return c.json(toDeviceAnswer(device), created ? 201 : 200);
      },
    )
    .get(
      '/devices/:id',
      describeOperation({
        id: 'readDevice',
        tag,
        summary: 'Read a device',
        answer: deviceAnswer,
        problems: ['not-found'],
      }),
      validate('param', devicePath),
      async (c) => {
        const device = await readDevice(deps.db, c.req.valid('param').id);
        setEntityTag(c, device.version);
        return c.json(toDeviceAnswer(device));
      },
    )
    .patch(
      '/devices/:id',
      requireAdmin,
      describeOperation({
        id: 'editDevice',
        tag,
        summary: 'Change name, notes or tags of a device',
        answer: deviceAnswer,
        admin: true,
        ifMatch: true,
        problems: ['not-found', 'validation-failed'],
      }),
      validate('param', devicePath),
      validate('json', deviceEdit),
      async (c) => {
        const request = changeRequest(c, deps.clock);
        const device = await editDevice(deps, c.req.valid('param').id, c.req.valid('json'), request);
        setEntityTag(c, device.version);
        return c.json(toDeviceAnswer(device));
      },
    )
    .delete(
      '/devices/:id',
      requireAdmin,
      describeOperation({
        id: 'deleteDevice',
        tag,
        summary: 'Delete a device',
        description:
          'Ends its session and its pairings. Its tokens stay invalid, even if it registers again. A revoked device can register again once it is deleted.',
        answer: removalAnswer,
        admin: true,
        ifMatch: true,
        problems: ['not-found'],
      }),
      validate('param', devicePath),
      async (c) => c.json(await deleteDevice(deps, c.req.valid('param').id, changeRequest(c, deps.clock))),
    )
    .get(
      '/devices/:id/agents',
      describeOperation({
        id: 'listAgents',
        tag,
        summary: 'List the agents of a master',
        answer: devicePage,
        problems: ['not-found'],
      }),
      validate('param', devicePath),
      validate('query', agentListQuery),
      async (c) => {
        const { rows, next, total } = await listAgents(
          deps.db,
          c.req.valid('param').id,
          c.req.valid('query'),
        );
        return c.json({ items: rows.map(toDeviceAnswer), next, total });
      },
    )
    .post(
      '/devices/:id/key',
      requireAdmin,
      describeOperation({
        id: 'showDeviceKey',
        tag,
        summary: 'Compute the key of a device',
        description:
          'Returns the key of an existing or new device, and a header file for its sketch. The key is not stored; the audit log records that it was shown.',
        answer: keyAnswer,
        admin: true,
        problems: ['validation-failed', 'conflict'],
      }),
      validate('param', devicePath),
      validate('json', keyRequest),
      async (c) => {
        const request = c.req.valid('json');
        const host = sketchHost.safeParse(request.host ?? requestOrigin(c, deps.trustProxyHops));
        if (!host.success)
          throw new AppError('bad_request', 'Specify the host that devices connect to, as "host".');
        const origin = auditOrigin(c, deps.clock.now());
        c.header('Cache-Control', 'no-store');
        return c.json(await showDeviceKey(deps, c.req.valid('param').id, request, host.data, origin));
      },
    );
}
