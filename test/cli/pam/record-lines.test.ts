/** Records as lines of text, as import reads them. */

import { describe, expect, it } from 'vitest';
import { parseRecordLines } from '../../../src/cli/pam/record/record-lines.ts';

describe('lines of records', () => {
  it('are what export writes', () => {
    const exported = {
      record: 'id-1',
      title: 'web-1',
      type: 'machine',
      protocol: 'ssh',
      host: '10.0.0.5',
      port: 22,
      user: null,
      labels: { site: 'eu' },
      on: null,
      revision: 3,
      changedAt: '2026-11-25T00:00:00.000Z',
    };
    const account = JSON.stringify({ title: 'root', type: 'user', user: 'root', on: 'id-1' });
    const [one, other] = parseRecordLines(`${JSON.stringify(exported)}\n${account}\n`);
    expect(one).toMatchObject({
      id: 'id-1',
      on: null,
      fields: { title: 'web-1', port: 22, labels: [{ key: 'site', value: 'eu' }] },
    });
    expect(other).toMatchObject({ line: 2, on: 'id-1', fields: { type: 'user', user: 'root' } });
  });

  it('may be CSV with a header and quotes', () => {
    const csv =
      'title,type,host,port,labels\r\n"orders, new",database,db,5432,site=eu tier=1\r\n"say ""hi""",machine,h,22,\r\n';
    expect(parseRecordLines(csv).map(({ fields }) => [fields.title, fields.labels?.length ?? 0])).toEqual([
      ['orders, new', 2],
      ['say "hi"', 0],
    ]);
  });

  it.each([
    ['{"title":"a"}', 'line 1: type and title are needed'],
    ['{"title":"a","type":"machine"}', 'line 1: host and port are needed'],
    ['title,type,host,port\na,machine,h,22,x', 'line 2: 5 values; the header names 4'],
    ['title,type,host,port,secret\na,machine,h,22,geheim', 'line 2: "secret" is none of'],
    [`title,type,host,port,password\na,machine,h,22,${'x'.repeat(1025)}`, 'line 2: password: 1025 bytes; at most 1024'],
    ['{"title":"a","type":"machine","host":"h","port":1,"password":7}', 'line 1: password is no text'],
    ['{"title":"a","type":"car","host":"h","port":1}', 'line 1: --type: "car" is none of'],
    ['{broken', 'line 1: is no JSON document'],
  ])('%j is refused as a whole', (text, problem) => {
    expect(() => parseRecordLines(text)).toThrow(problem);
  });

  it('may bring passwords, which nothing that prints them shows', () => {
    const [one, other] = parseRecordLines('title,type,host,port,password\na,machine,h,22,"ge,heim"\nb,machine,h,22,');
    expect([one?.password?.reveal(), other?.password]).toEqual(['ge,heim', null]);
    expect(JSON.stringify([one, other])).not.toContain('heim');
  });

  it('names every mistake', () => {
    expect(() => parseRecordLines('{}\n{}\n{}')).toThrow(/line 1.*\nline 2.*\nline 3/);
  });
});
