import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { answer, faultOf } from '../../api/answer.ts';
import { api, ifVersion } from '../../api/client.ts';
import { type Device, deviceTitle } from '../../api/fleet.ts';
import { refreshFleet } from '../../fleet/refresh.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { TextArea, TextField } from '../../ui/field.tsx';
import { Failure } from '../../ui/notice.tsx';
import { toast } from '../../ui/toast.tsx';

interface EditDialogProps {
  readonly device: Device;
  readonly open: boolean;
  readonly onClose: () => void;
}

export function EditDialog({ device, open, onClose }: EditDialogProps) {
  const client = useQueryClient();
  const [form, setForm] = useState({ name: '', notes: '', tags: '', version: 0 });
  useEffect(() => {
    if (!open) return;
    // What others change meanwhile must not overwrite what is being typed: the version tells.
    setForm((kept) =>
      kept.version === 0
        ? { name: device.name, notes: device.notes, tags: device.tags.join(', '), version: device.version }
        : kept,
    );
  }, [open, device]);
  const save = useMutation({
    mutationFn: () =>
      answer(
        api.devices[':id'].$patch(
          { param: device, json: { name: form.name.trim(), notes: form.notes, tags: splitTags(form.tags) } },
          ifVersion(form.version),
        ),
      ),
    onSuccess: (saved) => {
      toast(`${deviceTitle(saved)} saved`);
      close();
    },
    onError: () => setForm((kept) => ({ ...kept, version: device.version })),
    onSettled: () => refreshFleet(client),
  });
  function close() {
    onClose();
    save.reset();
    setForm((kept) => ({ ...kept, version: 0 }));
  }

  return (
    <Dialog
      open={open}
      onClose={close}
      title={`Edit ${deviceTitle(device)}`}
      onSubmit={() => !save.isPending && save.mutate()}
      foot={
        <>
          <Button onClick={close}>Cancel</Button>
          <Button type="submit" kind="primary" busy={save.isPending}>
            Save
          </Button>
        </>
      }
    >
      <TextField
        label="Name"
        fault={faultOf(save.error, 'name')}
        maxLength={100}
        value={form.name}
        onChange={(event) => setForm({ ...form, name: event.target.value })}
      />
      <TextField
        label="Tags"
        hint="Separated by commas."
        fault={faultOf(save.error, 'tags')}
        value={form.tags}
        onChange={(event) => setForm({ ...form, tags: event.target.value })}
      />
      <TextArea
        label="Notes"
        fault={faultOf(save.error, 'notes')}
        maxLength={2_000}
        rows={5}
        value={form.notes}
        onChange={(event) => setForm({ ...form, notes: event.target.value })}
      />
      {save.error && <Failure error={save.error} />}
    </Dialog>
  );
}

function splitTags(text: string): string[] {
  return text
    .split(/[,;]/)
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '');
}
