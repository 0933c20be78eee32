import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { GatewayError } from '../../src/base/errors.js';
/** A fresh directory for each call, removed after the test that asked for it. */
export function temporaryDirectories() {
    const made = [];
    afterEach(() => {
        for (const path of made.splice(0))
            rmSync(path, { recursive: true, force: true });
    });
    return () => {
        const path = mkdtempSync(join(tmpdir(), 'pam-config-'));
        made.push(path);
        return path;
    };
}
/** Writes a file as an owner would who keeps it to himself. */
export function writePrivate(path, content) {
    writeFileSync(path, content, { mode: 0o600 });
    return path;
}
/** What a person sees of the failure of `call`: message and remedy. Fails if there is none or it is not an expected one. */
export function failureOf(call) {
    try {
        call();
    }
    catch (error) {
        if (error instanceof GatewayError)
            return { code: error.code, text: `${error.message}. ${error.remedy ?? ''}`.trim(), error };
        throw error;
    }
    throw new Error('expected a failure');
}
