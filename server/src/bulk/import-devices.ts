import { z } from 'zod';
import { deviceName, deviceNotes, deviceRole, deviceTags } from '../../contract/api/device-values.ts';
import type { ImportedLine, ImportReport } from '../../contract/api/devices.ts';
import { deviceUuid } from '../../contract/uuid.ts';
import type { AuditOrigin } from '../audit/audit.ts';
import type { ChangeDeps } from '../devices/change-device.ts';
import { readRolesAndStates } from '../devices/device.ts';
import { type NewDevice, registerDevices } from '../devices/registration.ts';
import { type CsvRecord, readCsv, withoutApostrophe } from '../platform/csv.ts';
import type { Database } from '../platform/db/client.ts';
import { databaseError } from '../platform/db/database-error.ts';
import { AppError } from '../platform/errors.ts';
import { pairImported } from './pair-imported.ts';

const MAX_LINES = 20_000;
const BATCH = 500;
/** Below what proxies wait for an answer by default (60 s), with the pairings that follow. */
const TIME_LIMIT_MS = 40_000;
const READ = ['id', 'role', 'name', 'notes', 'tags', 'master'] as const;
/** Columns of the export that an import does not take. */
const IGNORED = ['state', 'generation', 'online', 'created_at', 'last_seen_at'];

const fields = z.object({
  id: deviceUuid,
  role: deviceRole,
  name: deviceName,
  notes: deviceNotes,
  tags: z
    .string()
    .transform((text) => text.split(';').map((tag) => tag.trim()))
    .transform((tags) => tags.filter((tag) => tag !== ''))
    .pipe(deviceTags),
  master: z
    .literal('')
    .transform(() => undefined)
    .or(deviceUuid),
});

/**
 * Registers the devices of a CSV document, each good line on its own: the first line names the columns (`id` and `role`,
 * and if wanted `name`, `notes` and `tags`, tags separated by `;`). A device that exists is left as it is. What the database
 * or the time for a request does not allow is an error of its lines, so that the report says what was done.
 *
 * @throws AppError `validation_failed` when the first line is not usable or there are more than 20,000 records.
 */
export async function importDevices(
  deps: ChangeDeps,
  text: string,
  origin: AuditOrigin,
): Promise<ImportReport> {
  const { db, clock } = deps;
  const until = clock.monotonic() + TIME_LIMIT_MS;
  const lines: ImportedLine[] = [];
  /** Why nothing more is registered. */
  let ended: string | undefined;
  let header: Header | undefined;
  let batch: Candidate[] = [];
  const masters = new Map<number, string>();
  let records = 0;

  async function register(): Promise<void> {
    const candidates = batch;
    batch = [];
    if (clock.monotonic() >= until) ended ??= 'The time for one request was up.';
    if (ended === undefined) {
      try {
        lines.push(...(await insertBatch(db, candidates, origin)));
        return;
      } catch (thrown) {
        ended = outage(thrown);
      }
    }
    const reason = `${ended} Import the file again: what is registered stays as it is.`;
    for (const { line, device } of candidates) lines.push({ line, id: device.id, status: 'error', reason });
  }

  for await (const record of readCsv(text)) {
    if ('message' in record) {
      const reason = `${record.message}; nothing from this line on was read`;
      lines.push({ line: record.line, id: null, status: 'error', reason });
    } else if (!header) {
      header = readHeader(record);
    } else if (record.fields.every((field) => field.trim() === '')) {
      // What a spreadsheet leaves of a line that was cleared.
    } else if (++records > MAX_LINES) {
      const reason = `is beyond the limit of ${MAX_LINES} records; nothing from this line on was read`;
      lines.push({ line: record.line, id: null, status: 'error', reason });
      break;
    } else {
      const candidate = readRecord(header, record);
      if ('device' in candidate) {
        batch.push(candidate);
        if (candidate.master !== undefined) masters.set(candidate.line, candidate.master);
      } else lines.push(candidate);
      if (batch.length === BATCH) await register();
    }
  }
  if (!header)
    throw new AppError('validation_failed', 'The document is empty, or its first line is not valid CSV.');
  if (batch.length > 0) await register();
  const receipt = await pairImported(deps, lines, masters, origin);
  lines.sort((left, right) => left.line - right.line);
  const count = (status: ImportedLine['status']) => lines.filter((line) => line.status === status).length;
  return {
    created: count('created'),
    existing: count('exists'),
    errors: count('error'),
    paired: lines.filter(({ paired }) => paired === true).length,
    ignoredColumns: header.ignored,
    lines,
    receipt,
  };
}

interface Header {
  readonly length: number;
  /** Position by name of column. */
  readonly positions: ReadonlyMap<string, number>;
  readonly ignored: string[];
}

interface Candidate {
  readonly line: number;
  readonly device: NewDevice;
  readonly master: string | undefined;
}

function readHeader({ fields: given }: CsvRecord): Header {
  const all = given.map((name) => name.trim().toLowerCase());
  const names = all.slice(0, all.findLastIndex((name) => name !== '') + 1);
  const known = new Set<string>([...READ, ...IGNORED]);
  const faults = [
    ...['id', 'role']
      .filter((name) => !names.includes(name))
      .map((name) => `the column "${name}" is missing`),
    ...names.filter((name) => !known.has(name)).map((name) => `unknown column "${name.slice(0, 40)}"`),
    ...names.filter((name, at) => names.indexOf(name) !== at).map((name) => `"${name}" is duplicated`),
  ].slice(0, 10);
  if (faults.length > 0) {
    throw new AppError('validation_failed', `The first line must name the columns: ${faults.join('; ')}.`);
  }
  return {
    length: names.length,
    positions: new Map(names.map((name, at) => [name, at])),
    ignored: names.filter((name) => IGNORED.includes(name)),
  };
}

function readRecord(header: Header, record: CsvRecord): Candidate | ImportedLine {
  const { line } = record;
  const beyond = record.fields.slice(header.length);
  if (record.fields.length < header.length || beyond.some((field) => field.trim() !== '')) {
    const reason = `has ${record.fields.length} fields, the first line has ${header.length}`;
    return { line, id: null, status: 'error', reason };
  }
  const value = (name: (typeof READ)[number]) =>
    withoutApostrophe(record.fields[header.positions.get(name) ?? -1] ?? '');
  const id = value('id').trim();
  const parsed = fields.safeParse({
    id,
    role: value('role').trim().toLowerCase(),
    name: value('name'),
    notes: value('notes'),
    tags: value('tags'),
    master: value('master').trim(),
  });
  if (parsed.success) {
    const { master, ...device } = parsed.data;
    return { line, device: { ...device, state: 'active' }, master };
  }
  const reason = parsed.error.issues
    .map(({ path, message }) => `${path[0]?.toString()}: ${message}`)
    .join('; ');
  return { line, id: deviceUuid.safeParse(id).data ?? null, status: 'error', reason };
}

/** What is wrong with the database; anything else is thrown on. */
function outage(thrown: unknown): string {
  const error = databaseError(thrown);
  if (!(error instanceof AppError) || error.code !== 'unavailable') throw error;
  return error.message;
}

async function insertBatch(
  db: Database,
  batch: readonly Candidate[],
  origin: AuditOrigin,
): Promise<ImportedLine[]> {
  const given = batch.map(({ device }) => device);
  const created = new Set((await registerDevices(db, given, origin)).map(({ id }) => id));
  const rest = batch.map(({ device }) => device.id).filter((id) => !created.has(id));
  const repeated = new Set<string>();
  const known = await readRolesAndStates(db, [...rest, ...created]);
  return batch.map(({ line, device }) => {
    const { id } = device;
    if (created.has(id) && !repeated.has(id)) {
      repeated.add(id);
      return { line, id, status: 'created' };
    }
    const other = known.get(id);
    if (other && other.role !== device.role) {
      return { line, id, status: 'error', reason: `is already registered as ${other.role}` };
    }
    const reason = other && other.state !== 'active' ? { reason: `is ${other.state}` } : {};
    return { line, id, status: 'exists', ...reason };
  });
}
