import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { type Operator, operatorsQuery } from '../../api/access.ts';
import { settled } from '../../api/answer.ts';
import { api, ifVersion } from '../../api/client.ts';
import { useSession } from '../../api/queries.ts';
import { Button, IconButton } from '../../ui/button.tsx';
import { Confirm, type Consequence } from '../../ui/dialog.tsx';
import { Menu } from '../../ui/menu.tsx';
import { Failure } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { Skeleton } from '../../ui/placeholder.tsx';
import { Ago } from '../../ui/time.tsx';
import { toast } from '../../ui/toast.tsx';
import { OperatorDialog } from './operator-dialog.tsx';

type Verb = 'sessions' | 'delete' | Operator['role'];
/** In the place of an id. */
const NEW = 'new';

/** The people who may sign in. */
export function Operators() {
  const session = useSession().data;
  const isAdmin = session?.role === 'admin';
  const operators = useQuery(operatorsQuery());
  const [editing, setEditing] = useState<string>();
  const [asked, setAsked] = useState<{ readonly verb: Verb; readonly id: string }>();
  // As they are now: what somebody else changed meanwhile is seen before it is changed again.
  const known = (id: string | undefined) => operators.data?.find((operator) => operator.id === id);
  const subject = known(asked?.id);

  return (
    <Page
      title="Operators"
      description="People who may sign in. Administrators change things; viewers see everything and change nothing."
      actions={
        isAdmin && (
          <Button kind="primary" icon="plus" onClick={() => setEditing(NEW)}>
            Add an operator
          </Button>
        )
      }
      narrow
    >
      {operators.error && <Failure error={operators.error} retry={() => void operators.refetch()} />}
      <div className="card">
        {operators.isPending && !operators.error && (
          <div className="body">
            <Skeleton />
          </div>
        )}
        {operators.data && (
          <div className="table-frame">
            <table className="table">
              <caption className="visually-hidden">Operators</caption>
              <thead>
                <tr>
                  <th scope="col">User name</th>
                  <th scope="col">Role</th>
                  <th scope="col" className="hide-s">
                    Added
                  </th>
                  <th scope="col">
                    <span className="visually-hidden">Actions</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {operators.data.map((operator) => (
                  <tr key={operator.id}>
                    <td>
                      <span className="strong">{operator.username}</span>
                      {operator.id === session?.id && <span className="quiet"> (you)</span>}
                    </td>
                    <td>{operator.role === 'admin' ? 'Administrator' : 'Viewer'}</td>
                    <td className="hide-s">
                      <Ago at={operator.createdAt} />
                    </td>
                    <td className="end">
                      {isAdmin && (
                        <Menu
                          trigger={
                            <IconButton small label={`Actions for ${operator.username}`} icon="more" />
                          }
                          groups={[
                            [
                              {
                                label: operator.role === 'admin' ? 'Make a viewer' : 'Make an administrator',
                                icon: 'shield',
                                onSelect: () =>
                                  setAsked({
                                    verb: operator.role === 'admin' ? 'viewer' : 'admin',
                                    id: operator.id,
                                  }),
                              },
                              ...(operator.id === session?.id
                                ? []
                                : [
                                    {
                                      label: 'Set a new password',
                                      icon: 'key' as const,
                                      onSelect: () => setEditing(operator.id),
                                    },
                                  ]),
                              {
                                label: 'Sign out everywhere',
                                icon: 'signout',
                                onSelect: () => setAsked({ verb: 'sessions', id: operator.id }),
                              },
                            ],
                            [
                              {
                                label: 'Remove',
                                icon: 'trash',
                                danger: true,
                                onSelect: () => setAsked({ verb: 'delete', id: operator.id }),
                              },
                            ],
                          ]}
                        />
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </div>
      <OperatorDialog
        target={editing === NEW ? 'new' : known(editing)}
        onClose={() => setEditing(undefined)}
      />
      <Ask verb={asked?.verb} operator={subject} ownId={session?.id} onClose={() => setAsked(undefined)} />
    </Page>
  );
}

interface AskProps {
  readonly verb: Verb | undefined;
  readonly operator: Operator | undefined;
  readonly ownId: string | undefined;
  readonly onClose: () => void;
}

interface Asked {
  readonly verb: Verb;
  readonly operator: Operator;
}

/** Says what follows from a change of an operator before it is made. */
function Ask({ verb: given, operator: subject, ownId, onClose }: AskProps) {
  const client = useQueryClient();
  const [shown, setShown] = useState<Asked>();
  const run = useMutation({
    mutationFn: async ({ verb, operator }: Asked) => {
      const { id, version } = operator;
      const one = api.operators[':id'];
      if (verb === 'sessions') await settled(one.sessions.$delete({ param: { id } }));
      else if (verb === 'delete') await settled(one.$delete({ param: { id } }, ifVersion(version)));
      else await settled(one.$patch({ param: { id }, json: { role: verb } }, ifVersion(version)));
    },
    onSuccess: (_, { verb, operator }) => {
      toast(doneText(verb, operator));
      close();
    },
    onSettled: () =>
      Promise.all(
        [['operators'], ['session'], ['api-keys']].map((queryKey) => client.invalidateQueries({ queryKey })),
      ),
  });
  // While it is being done, and while the dialog closes, it stands as it was asked.
  const isOpen = given !== undefined && subject !== undefined;
  if (isOpen && !run.isPending && (shown?.verb !== given || shown.operator !== subject)) {
    setShown({ verb: given, operator: subject });
  }
  function close() {
    onClose();
    run.reset();
  }
  if (!shown) return null;
  const { verb, operator } = shown;
  const { title, confirm, consequences } = wording(verb, operator, operator.id === ownId);
  return (
    <Confirm
      open={isOpen}
      onClose={close}
      title={title}
      consequences={consequences}
      confirm={confirm}
      danger={verb === 'delete'}
      busy={run.isPending}
      error={run.error}
      onConfirm={() => run.mutate(shown)}
    />
  );
}

function wording(verb: Verb, { username }: Operator, isOwn: boolean) {
  const consequences: Consequence[] = [];
  if (verb === 'sessions') {
    consequences.push({
      icon: 'signout',
      text: isOwn ? 'All your sessions but this one end.' : `All sessions of ${username} end.`,
    });
    return { title: `Sign ${username} out everywhere?`, confirm: 'Sign out everywhere', consequences };
  }
  if (verb === 'delete') {
    consequences.push(
      { icon: 'signout', text: 'All sessions end.' },
      { icon: 'key', text: 'API keys that this operator created stop working.' },
      { icon: 'audit', text: 'What they did stays in the audit log.' },
    );
    return { title: `Remove ${username}?`, confirm: 'Remove', consequences };
  }
  if (verb === 'viewer') {
    consequences.push(
      { icon: 'shield', text: 'They see everything and can change nothing.' },
      { icon: 'key', text: 'Administrator API keys that they created stop working.' },
    );
    return { title: `Make ${username} a viewer?`, confirm: 'Make a viewer', consequences };
  }
  consequences.push({ icon: 'shield', text: 'They can change everything, including operators.' });
  return { title: `Make ${username} an administrator?`, confirm: 'Make an administrator', consequences };
}

function doneText(verb: Verb, { username }: Operator): string {
  if (verb === 'sessions') return `${username} is signed out everywhere`;
  return verb === 'delete' ? `${username} removed` : `Role of ${username} changed`;
}
