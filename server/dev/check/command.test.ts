import { expect, test } from 'bun:test';
import { until } from '../../test/harness.ts';
import { runCommand } from './command.ts';

const options = { cwd: '/', env: { PATH: process.env.PATH } };

test('both output streams are kept in the order in which they were written', async () => {
  const result = await runCommand(['sh', '-c', 'echo one; echo two >&2; echo three; exit 3'], options);
  expect(result).toEqual({ exitCode: 3, output: 'one\ntwo\nthree\n' });
});

test('there is no standard input to wait for', async () => {
  expect(await runCommand(['cat'], options)).toEqual({ exitCode: 0, output: '' });
});

test('a program that does not exist is a failure with its name', async () => {
  const { exitCode, output } = await runCommand(['no-such-program-here', 'x'], options);
  expect(exitCode).toBe(127);
  expect(output).toContain('no-such-program-here');
});

test('a command that hangs is ended with all that it started', async () => {
  const { exitCode, output } = await runCommand(['sh', '-c', 'sleep 600 & echo $!; wait'], {
    ...options,
    timeoutMs: 200,
  });
  expect(exitCode).toBe(124);
  expect(output).toContain('ended after 0.2 s');
  const sleeper = Number.parseInt(output, 10);
  await until('the process is gone, or a zombie that its new parent has not yet collected', async () => {
    const status = await Bun.file(`/proc/${sleeper}/stat`)
      .text()
      .catch(() => '');
    return status === '' || / Z /.test(status);
  });
});

test('a background process that a command leaves behind does not hold it up', async () => {
  const { exitCode } = await runCommand(['sh', '-c', 'sleep 5 & exit 0'], options);
  expect(exitCode).toBe(0);
}, 2000);
