/** Runs PostgreSQL until its standard input ends: because the database was closed, or its starter has ended somehow. */
import { type Cluster, openCluster } from './cluster.ts';
import { orders, type Report } from './orders.ts';
import { PostgresError } from './postgres-error.ts';

// A signal to the whole process group is for the starter, which closes its database last.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

const stopping = new AbortController();
void endOfInput().then(() => stopping.abort());

let cluster: Cluster | undefined;
try {
  const { folder } = orders.parse(JSON.parse(process.argv[2] ?? ''));
  cluster = await openCluster(folder, stopping.signal, (line) => say({ announcement: line }));
  say({ url: cluster.url });
  await Promise.race([endOfInput(), cluster.ended]);
} catch (error) {
  if (!stopping.signal.aborted) {
    say({ fault: error instanceof PostgresError ? error.message : `PostgreSQL cannot be started: ${error}` });
  }
} finally {
  await cluster?.close();
}
process.exit(0);

function say(report: Report): void {
  try {
    process.stdout.write(`${JSON.stringify(report)}\n`);
  } catch {
    // Nobody listens any more.
  }
}

function endOfInput(): Promise<void> {
  return new Promise((resolve) => {
    if (stopping.signal.aborted) return resolve();
    process.stdin.once('end', resolve);
    process.stdin.once('close', resolve);
    process.stdin.once('error', () => resolve());
    process.stdin.resume();
  });
}
