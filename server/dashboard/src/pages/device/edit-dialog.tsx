import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { answer, failureKind, faultOf } from '../../api/answer.ts';
import { api, ifVersion } from '../../api/client.ts';
import { type Device, deviceQuery, deviceTitle } from '../../api/fleet.ts';
import { refreshFleet } from '../../fleet/refresh.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { TextArea, TextField } from '../../ui/field.tsx';
import { Failure } from '../../ui/notice.tsx';
import { toast } from '../../ui/toast.tsx';
import { typedSince } from '../../ui/typed-since.ts';

interface EditDialogProps {
  readonly device: Device;
  readonly open: boolean;
  readonly onClose: () => void;
}

export function EditDialog({ device, open, onClose }: EditDialogProps) {
  const client = useQueryClient();
  const [form, setForm] = useState(EMPTY);
  useEffect(() => {
    if (!open) return;
    // What others change meanwhile must not overwrite what is being typed: the version tells.
    setForm((kept) => (kept.seen === undefined ? { ...textsOf(device), seen: device } : kept));
  }, [open, device]);
  const save = useMutation({
    mutationFn: async ({ seen = device, ...texts }: Form) => {
      const json = changesOf(texts, seen);
      return await answer(api.devices[':id'].$patch({ param: device, json }, ifVersion(seen.version)));
    },
    onSuccess: (saved) => {
      toast(`${deviceTitle(saved)} saved`);
      close();
    },
    onError: async (error) => {
      if (failureKind(error) !== 'precondition-failed') return;
      // What somebody else made of the rest is shown, and stays when this is saved.
      const now = await client.fetchQuery({ ...deviceQuery(device.id), staleTime: 0 }).catch(() => undefined);
      if (!now) return;
      setForm((kept) => (kept.seen ? { ...textsOf(now), ...typedTexts(kept, kept.seen), seen: now } : kept));
    },
    onSettled: () => refreshFleet(client),
  });
  function close() {
    onClose();
    save.reset();
    setForm((kept) => ({ ...kept, seen: undefined }));
  }

  return (
    <Dialog
      open={open}
      onClose={close}
      title={`Edit ${deviceTitle(device)}`}
      onSubmit={() => !save.isPending && save.mutate(form)}
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

interface Texts {
  readonly name: string;
  readonly notes: string;
  readonly tags: string;
}

interface Form extends Texts {
  /** What the operator began with; undefined while the dialog is closed. */
  readonly seen: Device | undefined;
}

const EMPTY: Form = { name: '', notes: '', tags: '', seen: undefined };

function textsOf({ name, notes, tags }: Device): Texts {
  return { name, notes, tags: tags.join(', ') };
}

function typedTexts(typed: Texts, seen: Device): Partial<Texts> {
  return typedSince(typed, textsOf(seen), ['name', 'notes', 'tags']);
}

function changesOf(typed: Texts, seen: Device) {
  const { name, notes, tags } = typedTexts(typed, seen);
  return {
    ...(name === undefined ? {} : { name: name.trim() }),
    ...(notes === undefined ? {} : { notes }),
    ...(tags === undefined ? {} : { tags: splitTags(tags) }),
  };
}

function splitTags(text: string): string[] {
  return text
    .split(/[,;]/)
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '');
}
