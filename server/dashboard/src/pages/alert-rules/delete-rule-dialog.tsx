import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { refreshAlerts } from '../../alerts/refresh.ts';
import { type AlertRule, deleteRule } from '../../api/alert-rules.ts';
import { plural } from '../../format/number.ts';
import { Confirm } from '../../ui/dialog.tsx';
import { toast } from '../../ui/toast.tsx';

interface DeleteRuleDialogProps {
  readonly rule: AlertRule | undefined;
  readonly onClose: () => void;
  readonly onDeleted?: () => void;
}

export function DeleteRuleDialog({ rule, onClose, onDeleted }: DeleteRuleDialogProps) {
  const client = useQueryClient();
  const [shown, setShown] = useState(rule);
  if (rule && rule !== shown) setShown(rule);
  const remove = useMutation({
    mutationFn: deleteRule,
    onSuccess: () => {
      toast(`${shown?.name ?? 'The rule'} deleted`);
      onClose();
      onDeleted?.();
    },
    onSettled: () => refreshAlerts(client),
  });
  return (
    <Confirm
      open={rule !== undefined}
      onClose={() => {
        remove.reset();
        onClose();
      }}
      title={`Delete ${shown?.name ?? ''}?`}
      consequences={[
        {
          icon: 'trash',
          text: 'It is not evaluated any more. This cannot be undone; to pause it, disable it.',
        },
        {
          icon: 'bell',
          text: shown?.firing
            ? `${plural(shown.firing, 'alert')} of it that ${shown.firing === 1 ? 'fires' : 'fire'} now ${shown.firing === 1 ? 'ends' : 'end'}; all stay in the history.`
            : 'Its alerts stay in the history.',
        },
      ]}
      confirm="Delete"
      danger
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => rule && remove.mutate(rule)}
    />
  );
}
