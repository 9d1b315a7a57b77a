import { errorCode } from '../errors.ts';
import type { Metrics } from '../metrics.ts';

/** SQLSTATE, or a code of postgres.js or Node: a closed set, unlike the message. */
const CODE = /^[A-Z0-9_]{3,40}$/;

/** What the pool is doing: statements and transactions that run or wait for a connection, and those that failed. */
export function poolFigures(metrics: Metrics, maxConnections: number) {
  let underWay = 0;
  const failures = metrics.counter({
    name: 'siot_database_failures_total',
    help: 'Statements and transactions that failed, by SQLSTATE or code.',
    labels: ['code'],
  });
  metrics.observe({
    name: 'siot_database_statements_in_progress',
    help: 'Statements and transactions that run or wait for a connection.',
    type: 'gauge',
    read: () => [[{}, underWay]],
  });
  metrics.observe({
    name: 'siot_database_connections_max',
    help: 'Connections of the pool; more statements in progress than this wait.',
    type: 'gauge',
    read: () => [[{}, maxConnections]],
  });
  return {
    begun(): void {
      underWay++;
    },
    ended(): void {
      underWay--;
    },
    failed(error: unknown): void {
      underWay--;
      const code = errorCode(error) ?? '';
      failures({ code: CODE.test(code) ? code : 'none' });
    },
  };
}
