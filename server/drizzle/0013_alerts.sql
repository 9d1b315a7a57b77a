CREATE TYPE "public"."alert_kind" AS ENUM('threshold', 'missing', 'offline', 'flapping', 'lost');--> statement-breakpoint
CREATE TYPE "public"."alert_resolution" AS ENUM('cleared', 'device_inactive', 'out_of_scope', 'rule_changed', 'rule_disabled', 'rule_deleted');--> statement-breakpoint
CREATE TYPE "public"."alert_rule_state" AS ENUM('ok', 'pending', 'firing');--> statement-breakpoint
CREATE TYPE "public"."channel_kind" AS ENUM('webhook', 'email', 'ntfy');--> statement-breakpoint
CREATE TYPE "public"."delivery_state" AS ENUM('queued', 'delivered', 'failed');--> statement-breakpoint
CREATE TABLE "alert_channels" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"name" text NOT NULL,
	"kind" "channel_kind" NOT NULL,
	"target" jsonb NOT NULL,
	"secret" text,
	"former_secret" text,
	"former_secret_until" timestamp with time zone,
	"enabled" boolean NOT NULL,
	"notice" text,
	"collected_at" timestamp with time zone,
	"last_delivered_at" timestamp with time zone,
	"last_failed_at" timestamp with time zone,
	"last_error" text,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "alert_device_silences" (
	"device_id" uuid PRIMARY KEY NOT NULL,
	"until" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "alert_losses" (
	"device_id" uuid NOT NULL,
	"minute" timestamp with time zone NOT NULL,
	"lost" bigint NOT NULL,
	CONSTRAINT "alert_losses_device_id_minute_pk" PRIMARY KEY("device_id","minute")
);
--> statement-breakpoint
CREATE TABLE "alert_messages" (
	"id" text PRIMARY KEY NOT NULL,
	"seq" bigint GENERATED ALWAYS AS IDENTITY (sequence name "alert_messages_seq_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"channel_id" uuid NOT NULL,
	"state" "delivery_state" DEFAULT 'queued' NOT NULL,
	"content" text NOT NULL,
	"title" text NOT NULL,
	"alerts" integer NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"next_attempt_at" timestamp with time zone DEFAULT now() NOT NULL,
	"claimed_until" timestamp with time zone,
	"finished_at" timestamp with time zone,
	"status" integer,
	"error" text
);
--> statement-breakpoint
CREATE TABLE "alert_outbox" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "alert_outbox_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"channel_id" uuid NOT NULL,
	"alert_id" bigint NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"message_id" text
);
--> statement-breakpoint
CREATE TABLE "alert_rule_book" (
	"id" integer PRIMARY KEY NOT NULL,
	"revision" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "alert_rules" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"name" text NOT NULL,
	"enabled" boolean NOT NULL,
	"scope_kind" text NOT NULL,
	"scope_device" uuid,
	"scope_tag" text,
	"kind" "alert_kind" NOT NULL,
	"condition" jsonb NOT NULL,
	"channels" uuid[] DEFAULT '{}' NOT NULL,
	"silenced_until" timestamp with time zone,
	"version" integer DEFAULT 1 NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "alert_states" (
	"rule_id" uuid NOT NULL,
	"device_id" uuid NOT NULL,
	"state" "alert_rule_state" NOT NULL,
	"since" timestamp with time zone NOT NULL,
	"value" double precision,
	"due_at" timestamp with time zone,
	CONSTRAINT "alert_states_rule_id_device_id_pk" PRIMARY KEY("rule_id","device_id")
);
--> statement-breakpoint
CREATE TABLE "alert_unevaluated" (
	"device_id" uuid PRIMARY KEY NOT NULL,
	"received" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "alerts" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "alerts_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"change" integer DEFAULT 1 NOT NULL,
	"rule_id" uuid,
	"rule_name" text NOT NULL,
	"kind" "alert_kind" NOT NULL,
	"device_id" uuid NOT NULL,
	"device_name" text NOT NULL,
	"message" text NOT NULL,
	"value" double precision,
	"fired_at" timestamp with time zone DEFAULT now() NOT NULL,
	"resolved_at" timestamp with time zone,
	"resolution" "alert_resolution",
	"acknowledged_at" timestamp with time zone,
	"acknowledged_by" text,
	"silenced_until" timestamp with time zone,
	"untold" boolean DEFAULT true NOT NULL,
	"changed_by" "xid8"
);
--> statement-breakpoint
ALTER TABLE "alert_messages" ADD CONSTRAINT "alert_messages_channel_id_alert_channels_id_fk" FOREIGN KEY ("channel_id") REFERENCES "public"."alert_channels"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "alert_outbox" ADD CONSTRAINT "alert_outbox_channel_id_alert_channels_id_fk" FOREIGN KEY ("channel_id") REFERENCES "public"."alert_channels"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "alert_outbox" ADD CONSTRAINT "alert_outbox_alert_id_alerts_id_fk" FOREIGN KEY ("alert_id") REFERENCES "public"."alerts"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "alert_outbox" ADD CONSTRAINT "alert_outbox_message_id_alert_messages_id_fk" FOREIGN KEY ("message_id") REFERENCES "public"."alert_messages"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "alert_states" ADD CONSTRAINT "alert_states_rule_id_alert_rules_id_fk" FOREIGN KEY ("rule_id") REFERENCES "public"."alert_rules"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "alerts" ADD CONSTRAINT "alerts_rule_id_alert_rules_id_fk" FOREIGN KEY ("rule_id") REFERENCES "public"."alert_rules"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "alert_channels_created_at" ON "alert_channels" USING btree ("created_at","id");--> statement-breakpoint
CREATE INDEX "alert_losses_minute" ON "alert_losses" USING btree ("minute");--> statement-breakpoint
CREATE INDEX "alert_messages_channel_id" ON "alert_messages" USING btree ("channel_id","seq");--> statement-breakpoint
CREATE INDEX "alert_messages_queued" ON "alert_messages" USING btree ("next_attempt_at") WHERE "alert_messages"."state" = 'queued';--> statement-breakpoint
CREATE INDEX "alert_messages_finished_at" ON "alert_messages" USING btree ("finished_at") WHERE "alert_messages"."finished_at" is not null;--> statement-breakpoint
CREATE INDEX "alert_outbox_alert_id" ON "alert_outbox" USING btree ("alert_id","channel_id");--> statement-breakpoint
CREATE INDEX "alert_outbox_waiting" ON "alert_outbox" USING btree ("channel_id") WHERE "alert_outbox"."message_id" is null;--> statement-breakpoint
CREATE INDEX "alert_outbox_message_id" ON "alert_outbox" USING btree ("message_id") WHERE "alert_outbox"."message_id" is not null;--> statement-breakpoint
CREATE INDEX "alert_rules_created_at" ON "alert_rules" USING btree ("created_at","id");--> statement-breakpoint
CREATE INDEX "alert_states_device_id" ON "alert_states" USING btree ("device_id");--> statement-breakpoint
CREATE INDEX "alert_states_due_at" ON "alert_states" USING btree ("due_at") WHERE "alert_states"."due_at" is not null;--> statement-breakpoint
CREATE INDEX "alert_states_firing" ON "alert_states" USING btree ("rule_id") WHERE "alert_states"."state" <> 'ok';--> statement-breakpoint
CREATE UNIQUE INDEX "alerts_one_firing" ON "alerts" USING btree ("rule_id","device_id") WHERE "alerts"."resolved_at" is null;--> statement-breakpoint
CREATE INDEX "alerts_device_id" ON "alerts" USING btree ("device_id","id");--> statement-breakpoint
CREATE INDEX "alerts_rule_id" ON "alerts" USING btree ("rule_id","id");--> statement-breakpoint
CREATE INDEX "alerts_fired_at" ON "alerts" USING btree ("fired_at");--> statement-breakpoint
CREATE INDEX "alerts_resolved_at" ON "alerts" USING btree ("resolved_at") WHERE "alerts"."resolved_at" is not null;--> statement-breakpoint
CREATE INDEX "alerts_firing" ON "alerts" USING btree ("id") WHERE "alerts"."resolved_at" is null;--> statement-breakpoint
CREATE INDEX "alerts_untold" ON "alerts" USING btree ("id") WHERE "alerts"."untold";--> statement-breakpoint
CREATE INDEX "alerts_changed_by" ON "alerts" USING btree ("changed_by");--> statement-breakpoint
INSERT INTO "alert_rule_book" ("id", "revision") VALUES (1, 0);--> statement-breakpoint
CREATE TRIGGER "alerts_added" BEFORE INSERT ON "alerts" FOR EACH ROW EXECUTE FUNCTION "note_change"();--> statement-breakpoint
CREATE TRIGGER "alerts_changed" BEFORE UPDATE ON "alerts" FOR EACH ROW
	WHEN (OLD.change IS DISTINCT FROM NEW.change)
	EXECUTE FUNCTION "note_change"();
