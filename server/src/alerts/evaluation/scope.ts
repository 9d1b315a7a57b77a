import { sql } from 'drizzle-orm';

/** Whether `alert_rules as rule` watches a row of `devices`. */
export const watches = sql.raw(`(
  rule.enabled and devices.state = 'active' and (
    rule.scope_kind = 'all'
    or (rule.scope_kind = 'device' and devices.id = rule.scope_device)
    or (rule.scope_kind = 'tag' and devices.tags @> array[rule.scope_tag])))`);
