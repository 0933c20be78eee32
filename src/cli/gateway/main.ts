/** What `gateway` runs. */
import { runProgram } from '../frame/run-program.ts';
import { assembleGateway } from './program.ts';

await runProgram(assembleGateway);
