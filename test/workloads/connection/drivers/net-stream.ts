/** Loaded before the scripts of `pg` 4: they open a connection where a new socket says `closed`, which Node's own says no more. */

import net from 'node:net';

class ClosedAtFirst extends net.Socket {}
Object.defineProperty(ClosedAtFirst.prototype, 'readyState', {
  get(this: net.Socket) {
    return this.pending && !this.connecting ? 'closed' : Reflect.get(net.Socket.prototype, 'readyState', this);
  },
});
Reflect.set(net, 'Stream', ClosedAtFirst);
