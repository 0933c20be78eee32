import { identity, type Probe } from '../probe.ts';

/** RDP: the X.224 connection request with an offer of TLS and CredSSP (MS-RDPBCGR 2.2.1.1). */
export const rdp: Probe = {
  service: 'rdp',
  ports: [3389],
  request: Buffer.from('030000130ee000000000000100080003000000', 'hex'),
  read(answer) {
    const isConfirm = answer[0] === 3 && answer[1] === 0 && answer[5] === 0xd0;
    return isConfirm ? identity('rdp', 'RDP', { system: 'Windows' }) : null;
  },
};
