import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { refreshAlerts } from '../../alerts/refresh.ts';
import { type AlertChannel, deleteChannel } from '../../api/alert-channels.ts';
import { Confirm } from '../../ui/dialog.tsx';
import { toast } from '../../ui/toast.tsx';

interface DeleteChannelDialogProps {
  readonly channel: AlertChannel | undefined;
  readonly onClose: () => void;
  readonly onDeleted?: () => void;
}

export function DeleteChannelDialog({ channel, onClose, onDeleted }: DeleteChannelDialogProps) {
  const client = useQueryClient();
  const [shown, setShown] = useState(channel);
  if (channel && channel !== shown) setShown(channel);
  const remove = useMutation({
    mutationFn: deleteChannel,
    onSuccess: () => {
      toast(`${shown?.name ?? 'The channel'} deleted`);
      onClose();
      onDeleted?.();
    },
    onSettled: () => refreshAlerts(client),
  });
  return (
    <Confirm
      open={channel !== undefined}
      onClose={() => {
        remove.reset();
        onClose();
      }}
      title={`Delete ${shown?.name ?? ''}?`}
      consequences={[
        { icon: 'trash', text: 'Its messages are deleted with it, also those that wait for delivery.' },
        { icon: 'alert', text: 'This cannot be undone. To pause it, disable it.' },
      ]}
      confirm="Delete"
      danger
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => channel && remove.mutate(channel)}
    />
  );
}
