/** What `pam` runs. */
import { runProgram } from '../frame/run-program.ts';
import { assemblePam } from './program.ts';

await runProgram(assemblePam);
