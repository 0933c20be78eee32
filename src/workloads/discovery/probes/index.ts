/** The protocols that a discovery recognises. Adding one: its file, and a line here. The order is that of trying where the port says nothing. */
import type { Probe } from '../probe.ts';
import { ftp, imap, pop3, smtp } from './greeting.ts';
import { http } from './http.ts';
import { ldap } from './ldap.ts';
import { mysql } from './mysql.ts';
import { postgres } from './postgres.ts';
import { rdp } from './rdp.ts';
import { redis } from './redis.ts';
import { smb } from './smb.ts';
import { ssh } from './ssh.ts';
import { telnet } from './telnet.ts';
import { vnc } from './vnc.ts';

/** Servers that speak first, then those that wait. */
export const PROBES: readonly Probe[] = [
  ssh,
  mysql,
  vnc,
  telnet,
  smtp,
  ftp,
  pop3,
  imap,
  http,
  postgres,
  redis,
  ldap,
  smb,
  rdp,
];
