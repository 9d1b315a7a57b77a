import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { type ApiKey, apiKeysQuery } from '../../api/access.ts';
import { settled } from '../../api/answer.ts';
import { api } from '../../api/client.ts';
import { useIsAdmin } from '../../api/queries.ts';
import { useNow } from '../../format/time.ts';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Failure } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { Empty, Skeleton } from '../../ui/placeholder.tsx';
import { Ago } from '../../ui/time.tsx';
import { toast } from '../../ui/toast.tsx';
import { NewKeyDialog } from './new-key-dialog.tsx';

/** Credentials of scripts and other programs. */
export function ApiKeys() {
  const client = useQueryClient();
  const isAdmin = useIsAdmin();
  const keys = useQuery(apiKeysQuery());
  const [creating, setCreating] = useState(false);
  const [doomed, setDoomed] = useState<ApiKey>();
  const revoke = useMutation({
    mutationFn: ({ id }: ApiKey) => settled(api['api-keys'][':id'].$delete({ param: { id } })),
    onSuccess: (_, { name }) => {
      toast(`API key ${name} revoked`);
      setDoomed(undefined);
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['api-keys'] }),
  });
  const create = isAdmin && (
    <Button kind="primary" icon="plus" onClick={() => setCreating(true)}>
      Create an API key
    </Button>
  );

  return (
    <Page
      title="API keys"
      description={
        <>
          For scripts: send one as <code>Authorization: Bearer siot_…</code>. What a key may do is in the{' '}
          <a className="link" href="/docs">
            API documentation
          </a>
          .
        </>
      }
      actions={keys.data && keys.data.length > 0 && create}
    >
      {keys.error && <Failure error={keys.error} retry={() => void keys.refetch()} />}
      <div className="card">
        {keys.isPending && !keys.error && (
          <div className="body">
            <Skeleton />
          </div>
        )}
        {keys.data?.length === 0 && (
          <Empty icon="key" title="No API keys" actions={create}>
            Give each script a key of its own: its name stands in the audit log, and you can revoke it alone.
          </Empty>
        )}
        {keys.data && keys.data.length > 0 && (
          <div className="table-frame">
            <table className="table">
              <caption className="visually-hidden">API keys</caption>
              <thead>
                <tr>
                  <th scope="col">Name</th>
                  <th scope="col" className="hide-s">
                    Key
                  </th>
                  <th scope="col">Role</th>
                  <th scope="col" className="hide-m">
                    Created
                  </th>
                  <th scope="col" className="hide-s">
                    Last used
                  </th>
                  <th scope="col">Expires</th>
                  <th scope="col">
                    <span className="visually-hidden">Actions</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {keys.data.map((key) => (
                  <tr key={key.id}>
                    <td className="strong">{key.name}</td>
                    <td className="hide-s">
                      <code className="quiet">{key.prefix}…</code>
                    </td>
                    <td>{key.role === 'admin' ? 'Administrator' : 'Viewer'}</td>
                    <td className="hide-m">
                      <Ago at={key.createdAt} />
                      {key.createdBy && <span className="quiet"> by {key.createdBy}</span>}
                    </td>
                    <td className="hide-s">
                      <Ago at={key.lastUsedAt} />
                    </td>
                    <td>
                      <Expiry at={key.expiresAt} />
                    </td>
                    <td className="end">
                      {isAdmin && (
                        <Button small onClick={() => setDoomed(key)} aria-label={`Revoke ${key.name}`}>
                          Revoke
                        </Button>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </div>
      <NewKeyDialog open={creating} onClose={() => setCreating(false)} />
      <Confirm
        open={doomed !== undefined}
        onClose={() => {
          setDoomed(undefined);
          revoke.reset();
        }}
        title={`Revoke ${doomed?.name ?? ''}?`}
        consequences={[
          { icon: 'ban', text: 'Whatever uses this key is refused from now on. This cannot be undone.' },
        ]}
        confirm="Revoke"
        danger
        busy={revoke.isPending}
        error={revoke.error}
        onConfirm={() => doomed && revoke.mutate(doomed)}
      />
    </Page>
  );
}

function Expiry({ at }: { readonly at: string | null }) {
  const now = useNow();
  if (at === null) return <span className="quiet">never</span>;
  return Date.parse(at) <= now ? <span className="badge bad">expired</span> : <Ago at={at} />;
}
