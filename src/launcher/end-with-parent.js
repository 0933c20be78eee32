/**
 * Loaded before the program in a child that stands in for its parent: the parent may be killed without a chance to say so,
 * and then the child must not live on. The parent's end closes the channel between the two.
 */

process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));
// Listening would otherwise keep the program alive for ever.
process.channel?.unref();
