-- One row a record, a partition a day (UTC), made ahead and dropped by the server. No default partition: it would have to
-- be scanned whenever another one is made.
CREATE TABLE "telemetry" (
	"device" integer NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"received" timestamp with time zone NOT NULL,
	"data" jsonb NOT NULL
) PARTITION BY RANGE ("at");
--> statement-breakpoint
CREATE INDEX "telemetry_device_at" ON "telemetry" USING btree ("device", "at");
--> statement-breakpoint
-- One row an hour for each numeric field of a device, a partition a month (UTC). The times of the first, last, least and
-- greatest value are milliseconds after the hour.
CREATE TABLE "telemetry_rollups" (
	"device" integer NOT NULL,
	"field" text NOT NULL,
	"hour" timestamp with time zone NOT NULL,
	"n" integer NOT NULL,
	"sum" double precision NOT NULL,
	"min" double precision NOT NULL,
	"min_ms" integer NOT NULL,
	"max" double precision NOT NULL,
	"max_ms" integer NOT NULL,
	"first" double precision NOT NULL,
	"first_ms" integer NOT NULL,
	"last" double precision NOT NULL,
	"last_ms" integer NOT NULL,
	PRIMARY KEY ("device", "field", "hour")
) PARTITION BY RANGE ("hour");
--> statement-breakpoint
-- Its rows are updated with every batch: room for the new version on the same page.
ALTER TABLE "telemetry_devices" SET (fillfactor = 70);
--> statement-breakpoint
ALTER TABLE "device_streams" SET (fillfactor = 70);
