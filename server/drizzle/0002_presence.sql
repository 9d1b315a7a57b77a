ALTER TABLE "devices" ADD COLUMN "last_session_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "leases" ADD COLUMN "finished_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "leases" ADD COLUMN "result" jsonb;