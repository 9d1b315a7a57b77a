import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { answer } from '../../api/answer.ts';
import { api, ifVersion } from '../../api/client.ts';
import { type Device, deviceTitle } from '../../api/fleet.ts';
import { receiptText } from '../../fleet/actions.ts';
import { MasterField } from '../../fleet/master-field.tsx';
import { refreshFleet } from '../../fleet/refresh.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Failure } from '../../ui/notice.tsx';
import { toast } from '../../ui/toast.tsx';

interface PairDialogProps {
  readonly device: Device;
  readonly open: boolean;
  readonly onClose: () => void;
}

export function PairDialog({ device, open, onClose }: PairDialogProps) {
  const client = useQueryClient();
  const [master, setMaster] = useState('');
  const pair = useMutation({
    mutationFn: () =>
      answer(api.devices[':id'].master.$put({ param: device, json: { master } }, ifVersion(device.version))),
    onSuccess: ({ receipt }) => {
      toast(`${deviceTitle(device)} paired`, receiptText(receipt));
      close();
    },
    onSettled: () => refreshFleet(client),
  });
  function close() {
    onClose();
    pair.reset();
    setMaster('');
  }

  return (
    <Dialog
      open={open}
      onClose={close}
      title={`Pair ${deviceTitle(device)}`}
      description={
        device.master
          ? 'It moves from its present master to the one you choose. All of them stay connected.'
          : 'Takes effect immediately, without a reconnect.'
      }
      onSubmit={() => master && !pair.isPending && pair.mutate()}
      foot={
        <>
          <Button onClick={close}>Cancel</Button>
          <Button type="submit" kind="primary" busy={pair.isPending} disabled={!master}>
            Pair
          </Button>
        </>
      }
    >
      <MasterField label="Master" value={master} onValue={setMaster} />
      {pair.error && <Failure error={pair.error} />}
    </Dialog>
  );
}
