import { describe, expect, it } from 'vitest';
import { explainDialAddress, formatHostPort, parseHostPort } from '../../src/config/index.js';
const PEER = '12D3KooWFTtTVdiJRyA2w497vQiTiHVRipCDSGywVVuBtfrV6T9f';
describe('HOST:PORT', () => {
    it.each([
        ['127.0.0.1:7400', '127.0.0.1', 7400],
        ['[::1]:7400', '::1', 7400],
        ['[2001:db8::17]:1', '2001:db8::17', 1],
        ['gateway-1.example.com:65535', 'gateway-1.example.com', 65_535],
        ['pam_gateway:0', 'pam_gateway', 0],
        ['localhost:80', 'localhost', 80],
    ])('%s is understood, and written back alike', (text, host, port) => {
        expect(parseHostPort(text)).toEqual({ host, port });
        expect(formatHostPort({ host, port })).toBe(text);
    });
    it.each([
        '',
        ':7400',
        'host',
        'host:',
        'host:x',
        'host:65536',
        'host:-1',
        '::1:7400',
        '[::1]',
        '[1.2.3.4]:1',
        '1.2.3:7400',
        '1.2.3.256:1',
        'a b:1',
        '-a:1',
        'host:7400 ',
        'http://host:1',
        `${'a'.repeat(64)}.b:1`,
    ])('"%s" is not', (text) => {
        expect(parseHostPort(text)).toBeUndefined();
    });
});
describe('an address to dial', () => {
    it.each([
        'gateway-1:7400',
        '[::1]:7400',
        '/ip4/192.0.2.10/tcp/7400',
        '/ip6/::1/tcp/7400',
        `/dns/gateway-1.example.com/tcp/7400/p2p/${PEER}`,
    ])('may be %s', (text) => {
        expect(explainDialAddress(text)).toBeUndefined();
    });
    it.each([
        ['gateway-1:0', 'port 0'],
        ['/ip4/192.0.2.10/tcp/0', 'port 0'],
        ['0.0.0.0:7400', 'every address'],
        ['[::]:7400', 'every address'],
        ['/ip4/192.0.2.10/udp/7400', 'neither'],
        ['/ip4/192.0.2.10', 'neither'],
        ['/ip4/192.0.2.10/tcp/7400/ws', 'neither'],
        ['/nonsense', 'neither'],
        ['gateway-1', 'neither'],
        [`${'a.'.repeat(250)}b:1`, 'longer than 400'],
    ])('cannot be %s, and the reason is said', (text, reason) => {
        expect(explainDialAddress(text)).toContain(reason);
    });
});
