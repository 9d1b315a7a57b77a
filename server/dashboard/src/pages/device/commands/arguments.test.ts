import { describe, expect, test } from 'bun:test';
import { declaredCommands, parseArgument, parseArguments } from './arguments.ts';

describe('what a device declares becomes a form', () => {
  test('each argument is asked for by its type; a type that is not known takes JSON', () => {
    const [led, read] = declaredCommands({
      LED: { on: 'bool', level: 'uint8', label: 'string', curve: 'points' },
      READ: {},
    });
    expect(led?.arguments.map(({ name, kind }) => [name, kind])).toEqual([
      ['on', 'flag'],
      ['level', 'number'],
      ['label', 'text'],
      ['curve', 'json'],
    ]);
    expect(read).toEqual({ name: 'READ', arguments: [] });
  });

  test('what is not of the protocol’s form is left out', () => {
    expect(declaredCommands({ LED: 'on', READ: null })).toEqual([]);
  });
});

describe('an argument', () => {
  const argument = (kind: 'flag' | 'number' | 'text' | 'json', type: string = kind) => ({
    name: 'x',
    kind,
    type,
  });
  test.each([
    [argument('flag'), 'true', { value: true }],
    [argument('flag'), 'false', { value: false }],
    [argument('number'), ' 1.5 ', { value: 1.5 }],
    [argument('number', 'int'), '1.5', { fault: 'must be a whole number' }],
    [argument('number'), 'warm', { fault: 'must be a number' }],
    [argument('text'), ' kept as typed ', { value: ' kept as typed ' }],
    [argument('json'), '[1,2]', { value: [1, 2] }],
  ])('%o of %p is %o', (given, text, parsed) => {
    expect(parseArgument(given, text)).toEqual(parsed);
  });

  test.each(['flag', 'number', 'text', 'json'] as const)('that is left empty is not sent: %s', (kind) => {
    expect(parseArgument(argument(kind), '')).toEqual({ value: undefined });
  });
});

describe('the arguments of a free command', () => {
  test('are a JSON object or nothing', () => {
    expect(parseArguments('{"on": true}')).toEqual({ value: { on: true } });
    expect(parseArguments('  ')).toEqual({ value: undefined });
  });

  test.each(['[1]', '1', '"on"', 'null'])('are not %s', (text) => {
    expect(parseArguments(text)).toHaveProperty('fault', 'must be a JSON object: {"on": true}');
  });

  test('that are no JSON say so', () => {
    expect(parseArguments('{on: true}')).toHaveProperty(
      'fault',
      expect.stringContaining('is not valid JSON'),
    );
  });
});
