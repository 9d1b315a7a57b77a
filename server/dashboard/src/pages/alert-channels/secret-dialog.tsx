import { useMutation, useQueryClient } from '@tanstack/react-query';
import { refreshAlerts } from '../../alerts/refresh.ts';
import { type AlertChannel, replaceSecret } from '../../api/alert-channels.ts';
import { Button } from '../../ui/button.tsx';
import { Confirm, Dialog } from '../../ui/dialog.tsx';
import { ShownSecret } from './shown-secret.tsx';

interface SecretDialogProps {
  readonly channel: AlertChannel;
  readonly open: boolean;
  readonly onClose: () => void;
}

/** Replaces the signing secret of a webhook, and shows the new one once. */
export function SecretDialog({ channel, open, onClose }: SecretDialogProps) {
  const client = useQueryClient();
  const replace = useMutation({
    mutationFn: () => replaceSecret(channel.id),
    onSettled: () => refreshAlerts(client),
  });
  function close() {
    onClose();
    replace.reset();
  }
  if (replace.data) {
    return (
      <Dialog
        open={open}
        onClose={close}
        title={`New secret of ${channel.name}`}
        onSubmit={close}
        foot={
          <Button type="submit" kind="primary">
            I have stored it
          </Button>
        }
      >
        <ShownSecret secret={replace.data} />
      </Dialog>
    );
  }
  return (
    <Confirm
      open={open}
      onClose={close}
      title={`Replace the secret of ${channel.name}?`}
      consequences={[
        { icon: 'key', text: 'The new secret is shown once.' },
        { icon: 'clock', text: 'For a day messages are signed with the former secret as well.' },
      ]}
      confirm="Replace"
      busy={replace.isPending}
      error={replace.error}
      onConfirm={() => replace.mutate()}
    />
  );
}
