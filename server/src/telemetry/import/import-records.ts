import { MAX_LINES_NAMED, type TelemetryImportReport } from '../../../contract/api/telemetry.ts';
import { type AuditOrigin, writeAudit } from '../../audit/audit.ts';
import type { Clock } from '../../platform/clock.ts';
import type { DatabaseClient } from '../../platform/db/client.ts';
import { inTransaction } from '../../platform/db/transaction.ts';
import { findOrMakeKeys } from '../ingest/device-state.ts';
import type { ImportedLine, ImportedRecord } from './lines.ts';
import { makeDays, storeImported } from './store-batch.ts';

export interface ImportDeps {
  readonly database: DatabaseClient;
  readonly clock: Clock;
}

export interface ImportTarget {
  readonly deviceId: string;
  /** How long records of the device are kept. */
  readonly keptMs: number;
}

const BATCH = 1_000;
/** As far as the clock of a device may be ahead. */
const AHEAD_MS = 300_000;

/**
 * Stores the records of a document, a batch at a time, each good line on its own. What it has stored stays if it ends
 * early; the same document again continues it, since no record is stored twice. The audit log has its end, however it ended.
 */
export async function importRecords(
  { database, clock }: ImportDeps,
  { deviceId, keptMs }: ImportTarget,
  lines: AsyncIterable<ImportedLine>,
  origin: AuditOrigin,
  signal: AbortSignal,
): Promise<TelemetryImportReport> {
  const { db } = database;
  const report = { imported: 0, repeated: 0, errors: 0, lines: [] as { line: number; reason: string }[] };
  const days = new Set<number>();
  const range = { from: Number.POSITIVE_INFINITY, to: Number.NEGATIVE_INFINITY };
  let batch: ImportedRecord[] = [];
  let isComplete = false;

  const [found] = await findOrMakeKeys(db, [deviceId]);
  if (!found) throw new Error('the device has no key');
  const { key } = found;

  function refuse(line: number, reason: string): void {
    report.errors++;
    if (report.lines.length < MAX_LINES_NAMED) report.lines.push({ line, reason });
  }

  async function flush(): Promise<void> {
    if (batch.length === 0) return;
    signal.throwIfAborted();
    const records = batch;
    batch = [];
    await makeDays(database.sql, records, days);
    const stored = await inTransaction(db, (tx) => storeImported(tx, key, records));
    report.imported += stored;
    report.repeated += records.length - stored;
    for (const { atUs } of records) {
      range.from = Math.min(range.from, atUs / 1_000);
      range.to = Math.max(range.to, atUs / 1_000);
    }
  }

  try {
    for await (const line of lines) {
      if ('reason' in line) {
        refuse(line.line, line.reason);
        continue;
      }
      const reason = outOfRange(line, keptMs, clock.now());
      if (reason) refuse(line.line, reason);
      else batch.push(line);
      if (batch.length === BATCH) await flush();
    }
    await flush();
    isComplete = true;
    return report;
  } finally {
    const { imported, repeated, errors } = report;
    await writeAudit(db, {
      ...origin,
      action: 'telemetry.imported',
      subject: deviceId,
      after: { imported, repeated, errors, isComplete, ...measured(range) },
    });
  }
}

function outOfRange({ atUs, receivedUs }: ImportedRecord, keptMs: number, nowMs: number): string | undefined {
  const [atMs, receivedMs] = [atUs / 1_000, receivedUs / 1_000];
  if (atMs < nowMs - keptMs) {
    const oldest = new Date(nowMs - keptMs).toISOString();
    return `was measured before ${oldest}, and records of this device are kept no longer than that`;
  }
  if (atMs > nowMs + AHEAD_MS) return 'was measured in the future';
  // Pages and live streams go by the time of receipt.
  return receivedMs < 0 || receivedMs > nowMs + AHEAD_MS
    ? 'was received before 1970 or in the future'
    : undefined;
}

function measured({ from, to }: { readonly from: number; readonly to: number }) {
  return from > to ? {} : { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
}
