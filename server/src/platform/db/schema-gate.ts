import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { Random } from '../random.ts';
import type { DatabaseClient } from './client.ts';
import { migrateWhenReachable } from './migrate.ts';

export interface SchemaGateDeps {
  readonly database: DatabaseClient;
  readonly migrationsFolder: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** What waits for the schema: features may use the database once it is open. */
export interface SchemaGate {
  isOpen(): boolean;
  /**
   * Migrates as soon as the database can be reached, then runs `prepare`, then opens.
   *
   * @throws what the database says when it is there but refuses the server.
   */
  open(prepare: () => Promise<void>): Promise<void>;
  /** Stops waiting. */
  close(): void;
}

export function createSchemaGate(deps: SchemaGateDeps): SchemaGate {
  const stopping = new AbortController();
  let opened = false;
  return {
    isOpen: () => opened,
    async open(prepare) {
      await migrateWhenReachable(deps.database, deps.migrationsFolder, deps, stopping.signal, prepare);
      opened = !stopping.signal.aborted;
    },
    close: () => stopping.abort(),
  };
}
