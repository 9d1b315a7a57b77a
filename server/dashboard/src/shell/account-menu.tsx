import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useLocation } from 'wouter';
import { settled } from '../api/answer.ts';
import { api } from '../api/client.ts';
import type { Session } from '../api/fleet.ts';
import { changeSession } from '../api/queries.ts';
import { Icon } from '../ui/icon.tsx';
import { Menu } from '../ui/menu.tsx';
import { toastError } from '../ui/toast.tsx';
import { chooseTheme } from './theme.ts';

/** Who is signed in: account, theme, sign out. */
export function AccountMenu({ session }: { readonly session: Session }) {
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const signOut = useMutation({
    mutationFn: () => settled(api.session.$delete()),
    onSuccess: () => changeSession(client, null),
    onError: (error) => toastError('You are still signed in', error.message),
  });
  return (
    <Menu
      side="top"
      align="start"
      trigger={
        <button type="button" className="account">
          <span className="avatar" aria-hidden="true">
            {session.name.slice(0, 1).toUpperCase()}
          </span>
          <span className="who">
            <span className="truncate">{session.name}</span>
            <small>{session.role === 'admin' ? 'Administrator' : 'Viewer'}</small>
          </span>
          <Icon name="chevrons" />
        </button>
      }
      groups={[
        [{ label: 'Your account', icon: 'user', onSelect: () => navigate('/account') }],
        [
          { label: 'Light theme', icon: 'sun', onSelect: () => chooseTheme('light') },
          { label: 'Dark theme', icon: 'moon', onSelect: () => chooseTheme('dark') },
          { label: 'Theme of the system', icon: 'screen', onSelect: () => chooseTheme('system') },
        ],
        [{ label: 'Sign out', icon: 'signout', onSelect: () => signOut.mutate() }],
      ]}
    />
  );
}
