/** How a command line ends, whatever its command throws. */

import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { ErrorCodes, ExitCode, GatewayError, isErrorCode } from '../../../src/base/errors.ts';
import { ExitWith } from '../../../src/cli/frame/run-program.ts';
import { type Ran, runInside } from '../program.ts';

function endingWith(error: unknown): Promise<Ran> {
  return runInside(async () => {
    const program = new Command('program').exitOverride();
    return program.action(() => {
      throw error;
    });
  }, []);
}

describe('a command that fails', () => {
  it.each(Object.entries(ErrorCodes))(
    'for an expected reason (%s) ends with %i, one line and the remedy',
    async (code, exitCode) => {
      if (!isErrorCode(code)) throw new Error('every key of the table is a code');
      const ran = await endingWith(new GatewayError(code, 'port 7400 is taken', { remedy: 'Choose another one.' }));
      expect(ran).toEqual({ code: exitCode, stdout: '', stderr: 'error: port 7400 is taken\nChoose another one.\n' });
    },
  );

  it('shows nothing of the text of others that could move a cursor', async () => {
    const ran = await endingWith(new GatewayError('target-refused', 'says \u001b[2J\u0007'));
    expect(ran.stderr).toBe('error: says \ufffd[2J\ufffd\n');
  });

  it('because of a bug ends with 70 and the stack', async () => {
    const ran = await endingWith(new TypeError('planted'));
    expect(ran.code).toBe(ExitCode.bug);
    expect(ran.stderr).toMatch(/^TypeError: planted\n\s+at .*\n(.*\n)*This is a bug/);
  });

  it('and has said why itself adds nothing', async () => {
    expect(await endingWith(new ExitWith(ExitCode.poolFull))).toEqual({ code: 3, stdout: '', stderr: '' });
  });
});
