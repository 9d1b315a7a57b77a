CREATE TABLE "command_groups" (
	"id" text PRIMARY KEY NOT NULL,
	"seq" bigint GENERATED ALWAYS AS IDENTITY (sequence name "command_groups_seq_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"name" text NOT NULL,
	"target" jsonb NOT NULL,
	"idempotency_key" text,
	"request_hash" text NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"cancelled_at" timestamp with time zone,
	"total" integer NOT NULL,
	"refused" jsonb NOT NULL,
	CONSTRAINT "command_groups_idempotency_key_unique" UNIQUE("idempotency_key")
);
--> statement-breakpoint
ALTER TABLE "commands" ADD COLUMN "group_id" text;--> statement-breakpoint
ALTER TABLE "commands" ADD COLUMN "changed_by" "xid8";--> statement-breakpoint
ALTER TABLE "devices" ADD COLUMN "changed_by" "xid8";--> statement-breakpoint
ALTER TABLE "devices" ADD COLUMN "presence_changed_by" "xid8";--> statement-breakpoint
ALTER TABLE "retired_devices" ADD COLUMN "changed_by" "xid8";--> statement-breakpoint
CREATE INDEX "command_groups_seq" ON "command_groups" USING btree ("seq");--> statement-breakpoint
CREATE INDEX "command_groups_expires_at" ON "command_groups" USING btree ("expires_at");--> statement-breakpoint
ALTER TABLE "commands" ADD CONSTRAINT "commands_group_id_command_groups_id_fk" FOREIGN KEY ("group_id") REFERENCES "public"."command_groups"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "commands_changed_by" ON "commands" USING btree ("changed_by");--> statement-breakpoint
CREATE INDEX "commands_group_id" ON "commands" USING btree ("group_id") WHERE "commands"."group_id" is not null;--> statement-breakpoint
CREATE INDEX "devices_changed_by" ON "devices" USING btree ("changed_by");--> statement-breakpoint
CREATE INDEX "devices_presence_changed_by" ON "devices" USING btree ("presence_changed_by");--> statement-breakpoint
CREATE INDEX "retired_devices_changed_by" ON "retired_devices" USING btree ("changed_by");--> statement-breakpoint
CREATE FUNCTION "note_change"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.changed_by := pg_current_xact_id();
	RETURN NEW;
END $$;--> statement-breakpoint
CREATE FUNCTION "note_presence_change"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.presence_changed_by := pg_current_xact_id();
	RETURN NEW;
END $$;--> statement-breakpoint
CREATE TRIGGER "devices_added" BEFORE INSERT ON "devices" FOR EACH ROW EXECUTE FUNCTION "note_change"();--> statement-breakpoint
CREATE TRIGGER "devices_changed" BEFORE UPDATE ON "devices" FOR EACH ROW
	WHEN (OLD.version IS DISTINCT FROM NEW.version OR OLD.state IS DISTINCT FROM NEW.state)
	EXECUTE FUNCTION "note_change"();--> statement-breakpoint
CREATE TRIGGER "devices_presence_changed" BEFORE UPDATE ON "devices" FOR EACH ROW
	WHEN (OLD.connected_at IS DISTINCT FROM NEW.connected_at)
	EXECUTE FUNCTION "note_presence_change"();--> statement-breakpoint
CREATE TRIGGER "retired_devices_changed" BEFORE INSERT OR UPDATE ON "retired_devices" FOR EACH ROW
	EXECUTE FUNCTION "note_change"();--> statement-breakpoint
CREATE TRIGGER "commands_added" BEFORE INSERT ON "commands" FOR EACH ROW EXECUTE FUNCTION "note_change"();--> statement-breakpoint
CREATE TRIGGER "commands_changed" BEFORE UPDATE ON "commands" FOR EACH ROW
	WHEN (OLD.state IS DISTINCT FROM NEW.state)
	EXECUTE FUNCTION "note_change"();
