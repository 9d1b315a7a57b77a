-- What Grafana and other tools may read: a role gets the views and nothing behind them.
CREATE SCHEMA "monitoring";
--> statement-breakpoint
CREATE VIEW "monitoring"."devices" AS
SELECT "id" AS "device_id", "name", "role"::text AS "role", "state"::text AS "state", "tags", "master_id", "connected_at",
	"last_seen_at"
FROM "public"."devices";
--> statement-breakpoint
CREATE VIEW "monitoring"."records" AS
SELECT "known"."device_id", "record"."at", "record"."received", "record"."data"
FROM "public"."telemetry" AS "record" JOIN "public"."telemetry_devices" AS "known" ON "known"."key" = "record"."device";
--> statement-breakpoint
CREATE VIEW "monitoring"."hours" AS
SELECT "known"."device_id", "field", "hour", "n", "sum" / "n" AS "mean", "min", "max", "first", "last"
FROM "public"."telemetry_rollups" AS "rollup" JOIN "public"."telemetry_devices" AS "known" ON "known"."key" = "rollup"."device";
--> statement-breakpoint
CREATE VIEW "monitoring"."latest" AS
SELECT "known"."device_id", "field", "kind", "last_at", "last"
FROM "public"."telemetry_fields" AS "named" JOIN "public"."telemetry_devices" AS "known" ON "known"."key" = "named"."device";
--> statement-breakpoint
CREATE VIEW "monitoring"."accounts" AS
SELECT "device_id", "stored", "lost", "repeated", "rejected", "last_received_at"
FROM "public"."telemetry_devices";
