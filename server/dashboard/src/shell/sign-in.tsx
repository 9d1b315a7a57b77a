import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { answer, failureKind } from '../api/answer.ts';
import { api } from '../api/client.ts';
import { changeSession } from '../api/queries.ts';
import { Button } from '../ui/button.tsx';
import { TextField } from '../ui/field.tsx';
import { Failure, Notice } from '../ui/notice.tsx';
import { Brand } from './brand.tsx';

/** Where everyone starts. The address stays, so that signing in leads where the operator wanted to go. */
export function SignIn() {
  const client = useQueryClient();
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  useEffect(() => {
    document.title = 'Sign in · Simple IoT Server';
  }, []);
  const signIn = useMutation({
    mutationFn: () => answer(api.session.$post({ json: { username: username.trim(), password } })),
    onSuccess: (session) => changeSession(client, session),
    onError: () => setPassword(''),
  });
  const refused = failureKind(signIn.error) === 'unauthenticated';

  return (
    <div className="signin">
      <main>
        <Brand />
        <form
          className="card"
          onSubmit={(event) => {
            event.preventDefault();
            if (username && password) signIn.mutate();
          }}
        >
          <div className="body stack">
            <h1>Sign in</h1>
            {refused && (
              <Notice tone="bad" live>
                User name or password is wrong.
              </Notice>
            )}
            {signIn.error && !refused && <Failure error={signIn.error} />}
            <TextField
              label="User name"
              name="username"
              autoComplete="username"
              autoCapitalize="none"
              spellCheck={false}
              autoFocus
              required
              value={username}
              onChange={(event) => setUsername(event.target.value)}
            />
            <TextField
              label="Password"
              name="password"
              type="password"
              autoComplete="current-password"
              required
              value={password}
              onChange={(event) => setPassword(event.target.value)}
            />
            <Button type="submit" kind="primary" wide busy={signIn.isPending}>
              Sign in
            </Button>
            <p className="small quiet">
              First time? The administrator is set by <code>ADMIN_USERNAME</code> and{' '}
              <code>ADMIN_PASSWORD</code>; the development stack prints both when it starts.
            </p>
          </div>
        </form>
      </main>
    </div>
  );
}
