import { useState } from 'react';
import { useIsAdmin } from '../../api/queries.ts';
import { Page } from '../../ui/page.tsx';
import { Empty } from '../../ui/placeholder.tsx';
import { DescribeStep } from './describe-step.tsx';
import { FlashStep } from './flash-step.tsx';
import type { AddedDevice } from './register.ts';

/** From a role and a name to a device that is online. */
export function AddDevice() {
  const isAdmin = useIsAdmin();
  const [added, setAdded] = useState<AddedDevice>();
  const back = { href: '/devices', label: 'Devices' };
  if (!isAdmin) {
    return (
      <Page title="Add a device" back={back} narrow>
        <div className="card">
          <Empty icon="shield" title="Requires an administrator">
            Viewers see everything and change nothing. Ask an administrator to add the device.
          </Empty>
        </div>
      </Page>
    );
  }
  return (
    <Page
      title="Add a device"
      description={
        added
          ? 'Flash it. This page shows when it connects, and why if it does not.'
          : 'Name it, flash it, see it come online: about two minutes.'
      }
      back={back}
      narrow
    >
      {added ? (
        <FlashStep added={added} onAnother={() => setAdded(undefined)} />
      ) : (
        <DescribeStep onAdded={setAdded} />
      )}
    </Page>
  );
}
