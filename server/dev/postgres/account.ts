import { cannotRun } from './postgres-error.ts';

/** The account under which PostgreSQL runs where this process is root, which PostgreSQL refuses to be. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

const NAME = 'simple-iot-postgres';

/**
 * The account for a new database, added to the machine if it has none yet; undefined where this process is not root.
 *
 * @throws PostgresError where there is no such account and none can be made.
 */
export function databaseAccount(announce: (line: string) => void = () => {}): Account | undefined {
  if (!isRoot()) return undefined;
  const known = lookUp();
  if (known !== undefined) return known;
  announce(`PostgreSQL refuses to run as root: adding the system account ${NAME}`);
  const command = ['useradd', '--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin'];
  const added = Bun.which('useradd')
    ? Bun.spawnSync([...command, '--home-dir', '/nonexistent', NAME], { stdout: 'ignore', stderr: 'pipe' })
    : undefined;
  // Another process may have added it meanwhile.
  const account = lookUp();
  if (account !== undefined) return account;
  throw cannotRun(
    `PostgreSQL refuses to run as root, and the system account ${NAME} cannot be added (${added?.stderr.toString().trim() || 'useradd is missing'})`,
  );
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** What to put in front of a command so that it runs under the account. */
export function runAs(account: Account | undefined): string[] {
  if (account === undefined) return [];
  const { uid, gid } = account;
  if (!Bun.which('setpriv')) throw cannotRun('PostgreSQL refuses to run as root, and setpriv is missing');
  return ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--no-new-privs', '--'];
}

function lookUp(): Account | undefined {
  const id = (option: string) => {
    const query = Bun.spawnSync(['id', option, NAME], { stdout: 'pipe', stderr: 'ignore' });
    return query.success ? Number(query.stdout.toString()) : undefined;
  };
  const uid = id('-u');
  const gid = id('-g');
  return uid === undefined || gid === undefined ? undefined : { uid, gid };
}
