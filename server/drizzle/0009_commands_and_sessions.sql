CREATE TYPE "public"."command_state" AS ENUM('queued', 'sent', 'done', 'failed', 'expired', 'cancelled');--> statement-breakpoint
CREATE TABLE "commands" (
	"id" text PRIMARY KEY NOT NULL,
	"seq" bigint GENERATED ALWAYS AS IDENTITY (sequence name "commands_seq_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"device_id" uuid NOT NULL,
	"name" text NOT NULL,
	"payload" text NOT NULL,
	"state" "command_state" DEFAULT 'queued' NOT NULL,
	"idempotency_key" text,
	"request_hash" text NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"next_attempt_at" timestamp with time zone DEFAULT now() NOT NULL,
	"claimed_until" timestamp with time zone,
	"sent_at" timestamp with time zone,
	"finished_at" timestamp with time zone,
	"replied_at" timestamp with time zone,
	"replies" integer DEFAULT 0 NOT NULL,
	"result" text,
	"error" text
);
--> statement-breakpoint
CREATE TABLE "device_sessions" (
	"device_id" uuid NOT NULL,
	"connected_at" timestamp with time zone NOT NULL,
	"disconnected_at" timestamp with time zone,
	"reason" text,
	"address" text,
	"keep_alive" integer,
	"noted_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "device_sessions_device_id_connected_at_pk" PRIMARY KEY("device_id","connected_at")
);
--> statement-breakpoint
CREATE TABLE "unknown_replies" (
	"device_id" uuid PRIMARY KEY NOT NULL,
	"count" bigint NOT NULL,
	"last_at" timestamp with time zone NOT NULL,
	"last" text NOT NULL
);
--> statement-breakpoint
ALTER TABLE "devices" ADD COLUMN "session_noted_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "commands" ADD CONSTRAINT "commands_device_id_devices_id_fk" FOREIGN KEY ("device_id") REFERENCES "public"."devices"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "device_sessions" ADD CONSTRAINT "device_sessions_device_id_devices_id_fk" FOREIGN KEY ("device_id") REFERENCES "public"."devices"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "commands_one_in_flight" ON "commands" USING btree ("device_id") WHERE "commands"."state" = 'sent';--> statement-breakpoint
CREATE UNIQUE INDEX "commands_idempotency_key" ON "commands" USING btree ("device_id","idempotency_key") WHERE "commands"."idempotency_key" is not null;--> statement-breakpoint
CREATE INDEX "commands_device_id" ON "commands" USING btree ("device_id","seq");--> statement-breakpoint
CREATE INDEX "commands_open" ON "commands" USING btree ("next_attempt_at") WHERE "commands"."state" in ('queued', 'sent');--> statement-breakpoint
CREATE INDEX "commands_finished_at" ON "commands" USING btree ("finished_at") WHERE "commands"."finished_at" is not null;--> statement-breakpoint
CREATE INDEX "device_sessions_noted_at" ON "device_sessions" USING btree ("noted_at");