import { useQuery } from '@tanstack/react-query';
import type { Device } from '../../../api/fleet.ts';
import { useIsAdmin } from '../../../api/queries.ts';
import { aboutQuery } from '../../../api/telemetry.ts';
import { Notice } from '../../../ui/notice.tsx';
import { Skeleton } from '../../../ui/placeholder.tsx';
import { declaredCommands } from './arguments.ts';
import { CommandForm } from './command-form.tsx';
import { CommandList } from './command-list.tsx';

/** What operators ask of the device, and what it replied. */
export function CommandsTab({ device }: { readonly device: Device }) {
  const isAdmin = useIsAdmin();
  const about = useQuery({ ...aboutQuery(device.id), staleTime: 30_000 });
  if (about.isPending) return <Skeleton lines={6} />;
  if (!isAdmin) return <CommandList id={device.id} />;
  const declared = declaredCommands(about.data?.commands ?? {});
  return (
    <div className="columns form-first">
      <CommandList id={device.id} />
      {device.state === 'active' ? (
        // What the device declares decides where the form begins.
        <CommandForm key={declared.map(({ name }) => name).join(' ')} device={device} declared={declared} />
      ) : (
        <Notice>Commands can be sent to active devices only.</Notice>
      )}
    </div>
  );
}
