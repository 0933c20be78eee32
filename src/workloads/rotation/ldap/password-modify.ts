/** Pure: the request value of the Password Modify extended operation (RFC 3062). */

/** Its object identifier. */
export const PASSWORD_MODIFY = '1.3.6.1.4.1.4203.1.11.1';

/** BER of `PasswdModifyRequestValue`; parts that are null are left out. */
export function encodePasswordModify(value: {
  readonly userIdentity: string | null;
  readonly oldPassword: string | null;
  readonly newPassword: string;
}): Buffer {
  const parts = [value.userIdentity, value.oldPassword, value.newPassword].map((part, tag) =>
    part === null ? Buffer.alloc(0) : element(0x80 + tag, Buffer.from(part)),
  );
  return element(0x30, Buffer.concat(parts));
}

function element(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
