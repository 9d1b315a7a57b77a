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
ALTER TABLE "device_sessions" ADD CONSTRAINT "device_sessions_device_id_devices_id_fk" FOREIGN KEY ("device_id") REFERENCES "public"."devices"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "device_sessions_noted_at" ON "device_sessions" USING btree ("noted_at");