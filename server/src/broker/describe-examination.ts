import type { BrokerCheck, BrokerExamination, ReconcileReport } from '../../contract/api/broker.ts';
import { databaseError } from '../platform/db/database-error.ts';
import { AppError } from '../platform/errors.ts';
import { EmqxError } from './emqx.ts';
import type { Examination, Outcome } from './examine.ts';

type Checked = Pick<BrokerExamination, 'version' | 'sessions' | 'foreign' | 'checks' | 'ok'>;

/** What each check is called, and what to do where it fails. */
const WORDS: Readonly<Record<BrokerCheck['name'], readonly [title: string, next: string]>> = {
  database: ['The database answers', 'Check that PostgreSQL runs and that DATABASE_URL is right.'],
  broker_api: [
    'The REST API of the broker answers',
    'Check that EMQX runs, and that EMQX_API_URL, EMQX_API_KEY and MQTT_SECRET_KEY are those of the broker.',
  ],
  mqtt: [
    'The server can connect by MQTT',
    'Check MQTT_URL and that the broker listens there. If it refuses the server, reconcile now: its authenticator may have been changed, or another server with another JWT_SECRET uses the same broker.',
  ],
  settings: [
    'The broker has the settings of this server',
    'The server repairs settings within seconds. Reconcile now; if they differ again, somebody else changes the broker.',
  ],
  devices: [
    'Rules, bans and sessions are those of the devices',
    'Reconcile now. The server repairs them by itself every three minutes.',
  ],
  queue: [
    'No change waits for the broker',
    'Changes are applied in order, within seconds where the broker answers. If they stay, the log of the server says why.',
  ],
  warnings: [
    'No setting of the broker is dangerous',
    'Change them on the broker: the server reports them and leaves them alone.',
  ],
};

/** An examination in plain words, each check with what it found and what to do. */
export function describeExamination(examination: Examination): Checked {
  const { queued, api, mqtt, comparison } = examination;
  const report = comparison.is === 'done' ? comparison.value : undefined;
  const compared = (found: (report: ReconcileReport) => readonly string[]) => mapOutcome(comparison, found);
  const checks = [
    check(
      'database',
      mapOutcome(queued, () => []),
    ),
    check(
      'broker_api',
      mapOutcome(api, () => []),
    ),
    check(
      'mqtt',
      mapOutcome(mqtt, (failure) => (failure === undefined ? [] : [failure])),
    ),
    check(
      'settings',
      compared(({ differences }) => differences),
    ),
    check('devices', compared(deviceDifferences)),
    check(
      'queue',
      queued.is === 'failed'
        ? { is: 'skipped' }
        : mapOutcome(queued, (length) => count(length, 'changes waiting for the broker')),
    ),
    check(
      'warnings',
      compared(({ warnings }) => warnings),
    ),
  ];
  return {
    ok: checks.every(({ state }) => state === 'ok'),
    version: report?.version ?? null,
    sessions: report?.sessions ?? null,
    foreign: report?.foreign ?? null,
    checks,
  };
}

function check(name: BrokerCheck['name'], outcome: Outcome<readonly string[]>): BrokerCheck {
  const [title, next] = WORDS[name];
  if (outcome.is === 'skipped') return { name, title, state: 'skipped', found: [], next: null };
  const found = outcome.is === 'failed' ? [failureOf(outcome.error)] : [...outcome.value];
  const isOk = found.length === 0;
  return { name, title, state: isOk ? 'ok' : 'failed', found, next: isOk ? null : next };
}

function mapOutcome<T, U>(outcome: Outcome<T>, map: (value: T) => U): Outcome<U> {
  return outcome.is === 'done' ? { is: 'done', value: map(outcome.value) } : outcome;
}

function deviceDifferences({ devices }: ReconcileReport): string[] {
  return [
    ...count(devices.rulesAdded, 'paired devices without their rules'),
    ...count(devices.rulesReplaced, 'devices whose rules differ from their pairing'),
    ...count(devices.rulesRemoved, 'devices with rules that are no longer paired'),
    ...count(devices.bansAdded, 'bans missing'),
    ...count(devices.bansLifted, 'stale bans'),
    ...count(devices.sessionsEnded, 'sessions that should have ended'),
  ];
}

function count(number: number, what: string): string[] {
  return number === 0 ? [] : [`${number} ${what}`];
}

/** Why a part could not be done, without statements and parameters. */
function failureOf(thrown: unknown): string {
  const error = databaseError(thrown);
  return error instanceof AppError || error instanceof EmqxError ? error.message : 'It failed unexpectedly.';
}
