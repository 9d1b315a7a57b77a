import { useSession } from '../../api/queries.ts';
import { Card, Page } from '../../ui/page.tsx';
import { PasswordForm } from './password-form.tsx';
import { Sessions } from './sessions.tsx';

/** One's own account. */
export function Account() {
  const session = useSession().data;
  if (!session) return null;
  return (
    <Page
      title="Your account"
      description={`Signed in as ${session.name}, ${session.role === 'admin' ? 'an administrator' : 'a viewer'}.`}
      narrow
    >
      <Sessions ownId={session.id} isAdmin={session.role === 'admin'} />
      <Card title="Password" description="Your other sessions end when you change it.">
        <PasswordForm username={session.name} />
      </Card>
    </Page>
  );
}
