CREATE TYPE "public"."device_role" AS ENUM('master', 'agent');--> statement-breakpoint
CREATE TYPE "public"."device_state" AS ENUM('pending', 'active', 'revoked');--> statement-breakpoint
CREATE TABLE "devices" (
	"id" uuid PRIMARY KEY NOT NULL,
	"role" "device_role" NOT NULL,
	"state" "device_state" NOT NULL,
	"generation" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"last_seen_at" timestamp with time zone,
	CONSTRAINT "devices_generation_positive" CHECK ("devices"."generation" >= 1)
);
--> statement-breakpoint
CREATE TABLE "quotas" (
	"name" text PRIMARY KEY NOT NULL,
	"window_start" timestamp with time zone NOT NULL,
	"used" integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX "devices_created_at" ON "devices" USING btree ("created_at","id");