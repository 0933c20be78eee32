import { identity, type Probe } from '../probe.ts';

const DIALECTS = ['NT LM 0.12', 'SMB 2.002', 'SMB 2.???'];

/** SMB: a negotiation that offers the old and the new protocol (MS-SMB2 3.2.4.2.2.1). */
export const smb: Probe = {
  service: 'smb',
  ports: [139, 445],
  request: negotiate(),
  read(answer) {
    const magic = Buffer.from(answer.slice(4, 8)).toString('latin1');
    if (magic === '\xfeSMB') return identity('smb', 'SMB 2 or 3', { version: '2+' });
    return magic === '\xffSMB' ? identity('smb', 'SMB 1', { version: '1' }) : null;
  },
};

function negotiate(): Uint8Array {
  const header = Buffer.from('ff534d4272000000001843c8000000000000000000000000fffe000000000000', 'hex');
  const dialects = Buffer.concat(DIALECTS.map((name) => Buffer.from(`\x02${name}\0`)));
  const size = Buffer.from([0, dialects.length & 0xff, dialects.length >> 8]);
  const body = Buffer.concat([header, size, dialects]);
  return Buffer.concat([Buffer.from([0, 0, body.length >> 8, body.length & 0xff]), body]);
}
