/** A worker of the peer, as a process of its own: answers what its queue group is asked. `node nats-worker.ts PORT`; prints a line when it is ready. */

import { connect } from 'nats';
import { QUEUE, SUBJECT } from './nats-names.ts';

const connection = await connect({ servers: `127.0.0.1:${process.argv[2]}` });
const subscription = connection.subscribe(SUBJECT, { queue: QUEUE });
await connection.flush();
process.stdout.write('ready\n');
// Whoever started it has gone.
process.stdin.resume().on('end', () => process.exit());
for await (const message of subscription) message.respond(message.data);
