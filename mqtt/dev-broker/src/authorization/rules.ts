import { z } from 'zod';
import { matchWords } from '../topics.ts';

export type RuleAction = 'publish' | 'subscribe' | 'all';
export type Permission = 'allow' | 'deny';
export type Qos = 0 | 1 | 2;

/** Something a client wants to do. */
export type Action = { type: 'publish'; qos: Qos; retain: boolean } | { type: 'subscribe'; qos: Qos };

/** Who asks, as far as rules can name it. */
export interface Subject {
  clientId: string;
  username: string | undefined;
  zone: string;
}

/** A rule as REST shows it, with its topic taken apart for matching. */
export interface Rule {
  permission: Permission;
  action: RuleAction;
  qos: readonly Qos[];
  retain: boolean | 'all';
  topic: string;
  matcher: TopicMatcher;
}

type TopicMatcher =
  | { kind: 'words'; words: readonly string[] }
  | { kind: 'equal'; topic: string }
  | { kind: 'template'; template: string };

export type ParsedRule = { ok: true; rules: Rule[] } | { ok: false; reason: string; value: unknown };

const PLACEHOLDER = /\$\{(clientid|username|zone)\}/g;

const permissionSchema = z.enum(['allow', 'deny']);
const topicSchema = z.union([
  z.object({ topic: z.string() }).transform(({ topic }) => [topic]),
  z.object({ topics: z.array(z.string()) }).transform(({ topics }) => topics),
]);
const actionSchema = z
  .enum(['publish', 'pub', 'subscribe', 'sub', 'all'])
  .transform(
    (action): RuleAction => (action === 'pub' ? 'publish' : action === 'sub' ? 'subscribe' : action),
  );
const oneQos = z
  .union([z.literal(0), z.literal(1), z.literal(2), z.literal('0'), z.literal('1'), z.literal('2')])
  .transform((qos): Qos => (qos === 0 || qos === '0' ? 0 : qos === 1 || qos === '1' ? 1 : 2));
const qosSchema = z.preprocess(
  (value) => (typeof value === 'string' ? value.split(',') : (value ?? [0, 1, 2])),
  z.union([z.array(oneQos), oneQos.transform((qos) => [qos])]),
);
const retainSchema = z.union([
  z.boolean(),
  z.literal('all'),
  z.literal(null).transform(() => 'all' as const),
  z.union([z.literal(1), z.literal('1'), z.literal('true')]).transform(() => true),
  z.union([z.literal(0), z.literal('0'), z.literal('false')]).transform(() => false),
]);

/** Reads a rule from REST or from a token; `topics` gives one rule for each of them. */
export function parseRule(raw: unknown): ParsedRule {
  const object = z.record(z.string(), z.unknown()).safeParse(raw);
  if (!object.success || !('permission' in object.data) || !('action' in object.data)) {
    return { ok: false, reason: 'invalid_rule', value: raw };
  }
  const fields = object.data;
  const topics = topicSchema.safeParse(fields);
  if (!topics.success) return { ok: false, reason: 'missing_topic_or_topics', value: raw };
  const permission = permissionSchema.safeParse(fields.permission);
  if (!permission.success) return { ok: false, reason: 'invalid_permission', value: fields.permission };
  const action = actionSchema.safeParse(fields.action);
  if (!action.success) return { ok: false, reason: 'invalid_action', value: fields.action };
  const qos = qosSchema.safeParse(fields.qos);
  if (!qos.success) return { ok: false, reason: 'invalid_qos', value: fields.qos };
  const retain = retainSchema.safeParse(fields.retain ?? null);
  if (!retain.success) return { ok: false, reason: 'invalid_retain', value: fields.retain };
  return {
    ok: true,
    rules: topics.data.map((topic) => ({
      permission: permission.data,
      action: action.data,
      qos: qos.data,
      // A subscription has no retain flag; EMQX shows the default there.
      retain: action.data === 'subscribe' ? 'all' : retain.data,
      topic,
      matcher: compileTopic(topic),
    })),
  };
}

/** The first rule that speaks decides; null when none does. */
export function firstMatch(
  rules: readonly Rule[],
  subject: Subject,
  action: Action,
  topic: string,
): Permission | null {
  let words: string[] | undefined;
  for (const rule of rules) {
    if (rule.action !== 'all' && rule.action !== action.type) continue;
    if (!rule.qos.includes(action.qos)) continue;
    if (action.type === 'publish' && rule.retain !== 'all' && rule.retain !== action.retain) continue;
    if (rule.matcher.kind === 'equal') {
      if (rule.matcher.topic === topic) return rule.permission;
      continue;
    }
    const filter = filterWords(rule.matcher, subject);
    if (!filter) continue;
    words ??= topic.split('/');
    if (matchWords(words, filter)) return rule.permission;
  }
  return null;
}

/** The form in which REST shows a rule. */
export function formatRule(rule: Rule) {
  return {
    topic: rule.topic,
    permission: rule.permission,
    action: rule.action,
    qos: rule.qos,
    retain: rule.retain,
  };
}

function compileTopic(topic: string): TopicMatcher {
  if (topic.startsWith('eq ')) return { kind: 'equal', topic: topic.slice(3) };
  if (topic.search(PLACEHOLDER) >= 0) return { kind: 'template', template: topic };
  return { kind: 'words', words: topic.split('/') };
}

/** A placeholder without a value (no user name) makes the rule speak of nothing. */
function filterWords(
  matcher: Exclude<TopicMatcher, { kind: 'equal' }>,
  subject: Subject,
): readonly string[] | null {
  if (matcher.kind === 'words') return matcher.words;
  let complete = true;
  const rendered = matcher.template.replace(PLACEHOLDER, (_, name: string) => {
    const value = name === 'clientid' ? subject.clientId : name === 'zone' ? subject.zone : subject.username;
    if (value === undefined) complete = false;
    return value ?? '';
  });
  return complete ? rendered.split('/') : null;
}
