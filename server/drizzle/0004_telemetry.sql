CREATE TABLE "device_about" (
	"device_id" uuid PRIMARY KEY NOT NULL,
	"firmware" text,
	"board" text,
	"library" text,
	"reset_reason" text,
	"fields" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"commands" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"received_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "device_streams" (
	"device" integer NOT NULL,
	"boot" bigint NOT NULL,
	"last_n" bigint NOT NULL,
	"gaps" bigint[] DEFAULT '{}' NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "device_streams_device_boot_pk" PRIMARY KEY("device","boot")
);
--> statement-breakpoint
CREATE TABLE "ingest_deliveries" (
	"batch" bigint PRIMARY KEY NOT NULL,
	"deliveries" "bytea" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "ingest_events" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "ingest_events_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"at" timestamp with time zone NOT NULL,
	"kind" text NOT NULL,
	"messages" bigint
);
--> statement-breakpoint
CREATE TABLE "telemetry_devices" (
	"key" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "telemetry_devices_key_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"device_id" uuid NOT NULL,
	"retention_days" integer,
	"stored" bigint DEFAULT 0 NOT NULL,
	"lost" bigint DEFAULT 0 NOT NULL,
	"repeated" bigint DEFAULT 0 NOT NULL,
	"rejected" bigint DEFAULT 0 NOT NULL,
	"last_received_at" timestamp with time zone,
	CONSTRAINT "telemetry_devices_device_id_unique" UNIQUE("device_id")
);
--> statement-breakpoint
CREATE TABLE "telemetry_dirty_hours" (
	"device" integer NOT NULL,
	"hour" timestamp with time zone NOT NULL,
	"claimed" boolean DEFAULT false NOT NULL,
	CONSTRAINT "telemetry_dirty_hours_device_hour_claimed_pk" PRIMARY KEY("device","hour","claimed")
);
--> statement-breakpoint
CREATE TABLE "telemetry_fields" (
	"device" integer NOT NULL,
	"field" text NOT NULL,
	"kind" text NOT NULL,
	"last_at" timestamp with time zone NOT NULL,
	"last" jsonb NOT NULL,
	CONSTRAINT "telemetry_fields_device_field_pk" PRIMARY KEY("device","field")
);
--> statement-breakpoint
CREATE TABLE "telemetry_rejects" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "telemetry_rejects_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"received_at" timestamp with time zone NOT NULL,
	"topic" text NOT NULL,
	"device_id" uuid,
	"reason" text NOT NULL,
	"payload" "bytea" NOT NULL,
	"payload_bytes" integer NOT NULL
);
--> statement-breakpoint
ALTER TABLE "leases" ADD COLUMN "epoch" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "leases" ADD COLUMN "claims" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "device_streams" ADD CONSTRAINT "device_streams_device_telemetry_devices_key_fk" FOREIGN KEY ("device") REFERENCES "public"."telemetry_devices"("key") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "telemetry_fields" ADD CONSTRAINT "telemetry_fields_device_telemetry_devices_key_fk" FOREIGN KEY ("device") REFERENCES "public"."telemetry_devices"("key") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "telemetry_dirty_hours_hour" ON "telemetry_dirty_hours" USING btree ("hour");--> statement-breakpoint
CREATE INDEX "telemetry_rejects_received_at" ON "telemetry_rejects" USING btree ("received_at");--> statement-breakpoint
CREATE INDEX "telemetry_rejects_device_id" ON "telemetry_rejects" USING btree ("device_id","id");