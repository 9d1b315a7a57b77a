-- Entries that have expired may be deleted, by a transaction that says so (`set local simple_iot.audit_expired_before`), and
-- none that is younger than 30 days by the database's clock, whatever it says. UPDATE and TRUNCATE stay refused.
DROP TRIGGER audit_log_append_only ON "audit_log";
--> statement-breakpoint
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR TRUNCATE ON "audit_log"
FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
--> statement-breakpoint
CREATE FUNCTION refuse_audit_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  expired_before timestamptz := nullif(current_setting('simple_iot.audit_expired_before', true), '')::timestamptz;
BEGIN
  IF expired_before IS NULL OR OLD."at" >= least(expired_before, now() - interval '30 days') THEN
    RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN OLD;
END
$$;
--> statement-breakpoint
CREATE TRIGGER audit_log_keeps_entries BEFORE DELETE ON "audit_log"
FOR EACH ROW EXECUTE FUNCTION refuse_audit_deletion();
