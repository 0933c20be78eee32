import { identity, type Probe } from '../probe.ts';

const ATTRIBUTES = ['vendorName', 'vendorVersion', 'namingContexts'];
const [SEQUENCE, RESULT_ENTRY, RESULT_DONE] = [0x30, 0x64, 0x65];

/** LDAP: an anonymous search of the root entry (RFC 4512 §5.1). */
export const ldap: Probe = {
  service: 'ldap',
  ports: [389, 636],
  request: rootSearch(),
  read(answer) {
    // SEQUENCE, length, INTEGER 1, then the operation.
    if (answer[0] !== SEQUENCE) return null;
    const at = answer.findIndex((byte, index) => byte === 2 && answer[index + 1] === 1 && answer[index + 2] === 1);
    const operation = at < 1 || at > 6 ? undefined : answer[at + 3];
    if (operation !== RESULT_ENTRY && operation !== RESULT_DONE) return null;
    const words = Buffer.from(answer)
      .toString('latin1')
      .match(/(?:dc|o|c|cn)=[\w=,. -]{1,60}/i)?.[0];
    return identity('ldap', words === undefined ? 'LDAP' : `LDAP, ${words}`);
  },
};

function rootSearch(): Uint8Array {
  const filter = element(0x87, Buffer.from('objectClass'));
  const attributes = element(SEQUENCE, Buffer.concat(ATTRIBUTES.map((name) => element(4, Buffer.from(name)))));
  const fixed = Buffer.from([4, 0, 0x0a, 1, 0, 0x0a, 1, 0, 2, 1, 0, 2, 1, 0, 1, 1, 0]);
  const search = element(0x63, Buffer.concat([fixed, filter, attributes]));
  return element(SEQUENCE, Buffer.concat([Buffer.from([2, 1, 1]), search]));
}

function element(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag, content.length]), content]);
}
