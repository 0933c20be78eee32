import { identity, lineOf, type Probe } from '../probe.ts';

/** A protocol whose server greets with one line. */
function greeting(service: string, ports: readonly number[], pattern: RegExp): Probe {
  return {
    service,
    ports,
    request: null,
    read(answer) {
      const line = lineOf(answer);
      const isMeant = pattern.test(line);
      if (!isMeant) return null;
      const version =
        /\b((?:vsFTPd|ProFTPD|Pure-FTPd|Exim|Postfix|Dovecot|Sendmail)\S*(?: \d[\w.]*)?)/.exec(line)?.[1] ?? null;
      return identity(service, line, { version });
    },
  };
}

/** SMTP (RFC 5321 §4.2): its 220 names the protocol, which tells it from FTP's. */
export const smtp: Probe = greeting('smtp', [25, 465, 587], /^220[ -].*(?:SMTP|Postfix|Exim|Sendmail)/i);
/** FTP (RFC 959 §5.4). */
export const ftp: Probe = greeting('ftp', [21], /^220[ -](?!.*(?:SMTP|Postfix|Exim|Sendmail))/i);
/** POP3 (RFC 1939). */
export const pop3: Probe = greeting('pop3', [110, 995], /^\+OK/);
/** IMAP (RFC 3501 §7.1). */
export const imap: Probe = greeting('imap', [143, 993], /^\* (?:OK|PREAUTH)/);
