import { describe, expect, test } from 'bun:test';
import { desiredState, fileSourceOpens, sameRules } from './desired-state.ts';

const SECRET = '0123456789abcdef0123456789abcdef';

describe('the desired state', () => {
  test('binds a token to its client id and user name, ends sessions that expire, and denies what no rule allows', () => {
    const { authenticator, settings } = desiredState(SECRET);
    expect(authenticator).toMatchObject({
      mechanism: 'jwt',
      enable: true,
      algorithm: 'hmac-based',
      secret: SECRET,
      secret_base64_encoded: false,
      from: 'password',
      verify_claims: { sub: '${clientid}', username: '${username}' },
      disconnect_after_expire: true,
      acl_claim_name: 'acl',
    });
    expect(settings).toEqual({ no_match: 'deny', deny_action: 'ignore' });
  });

  test('grants a device its own topics and nothing else, and no retained message', () => {
    const { rulesForAll } = desiredState(SECRET);
    expect(rulesForAll).toEqual([
      { topic: 'device/${clientid}/ping', permission: 'allow', action: 'all', retain: false },
      { topic: '/device/${clientid}/ping', permission: 'allow', action: 'all', retain: false },
      { topic: 'device/${clientid}/data', permission: 'allow', action: 'all', retain: false },
      { topic: 'device/${clientid}/master', permission: 'allow', action: 'all', retain: false },
      { topic: 'device/${clientid}/command', permission: 'allow', action: 'subscribe' },
      { topic: 'device/${clientid}/reply', permission: 'allow', action: 'publish', retain: false },
      { topic: 'device/${clientid}/ack', permission: 'allow', action: 'subscribe' },
      { topic: 'device/${clientid}/about', permission: 'allow', action: 'publish', retain: false },
    ]);
    expect(rulesForAll.filter(({ topic }) => /[#+]/.test(topic))).toEqual([]);
  });

  test('is the same each time it is computed', () => {
    expect(desiredState(SECRET)).toEqual(desiredState(SECRET));
  });
});

describe('sameRules', () => {
  const allow = { topic: 'a', permission: 'allow', action: 'all', retain: false } as const;
  const deny = { topic: 'a', permission: 'deny', action: 'all' } as const;

  test('tells every difference, order included', () => {
    expect(sameRules([], [])).toBe(true);
    expect(sameRules([allow, deny], [{ ...allow }, { ...deny }])).toBe(true);
    expect(sameRules([allow, deny], [deny, allow])).toBe(false);
    expect(sameRules([allow], [allow, deny])).toBe(false);
    expect(sameRules([allow, deny], [allow])).toBe(false);
    expect(sameRules([allow], [{ ...allow, topic: 'b' }])).toBe(false);
    expect(sameRules([allow], [{ ...allow, action: 'publish' }])).toBe(false);
  });
});

describe('fileSourceOpens', () => {
  test.each([
    '{allow, all}.',
    '{deny, all}.\n{allow, all}.',
    '  { allow , {username, "x"}, subscribe, ["#"]}.',
    '{\n  allow, all}.',
    "{'allow', all}.",
    '%% a comment\n{allow, all}.',
    '{deny, {username, "50%"}, all, ["#"]}. {allow, all}.',
    '{deny, {username, "a\\"%"}, all, ["#"]}. {allow, all}.',
    '{deny, all}. % {deny, all}\n{allow, all}.',
  ])('%j lets someone do something', (rules) => {
    expect(fileSourceOpens(rules)).toBe(true);
  });

  test.each([
    '',
    '\n',
    '{deny, all}.',
    '%% {allow, all}.',
    '{deny, all}. % {allow, all}.',
    '{deny, {username, "{allow, all}"}, all, ["#"]}.',
    '{deny, {client, "allow"}, all, ["allow/#"]}.',
    '{allowed, all}.',
  ])('%j lets nobody do anything', (rules) => {
    expect(fileSourceOpens(rules)).toBe(false);
  });
});
