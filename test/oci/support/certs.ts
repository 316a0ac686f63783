import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A certificate authority made with openssl for one test run. */
export interface Authority {
  readonly folder: string;
  readonly caFile: string;
  issue(name: string, options?: IssueOptions): { readonly certFile: string; readonly keyFile: string };
  remove(): void;
}

export interface IssueOptions {
  /** subjectAltName; IP:127.0.0.1 when absent. */
  readonly san?: string;
  /** openssl's -not_before and -not_after need 3.4; -days with a negative number is what all have. */
  readonly days?: number;
  readonly usage?: string;
}

export function makeAuthority(): Authority {
  const folder = mkdtempSync(join(tmpdir(), 'airgap-certs-'));
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  };
  const key = (name: string): void =>
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${name}.key`);
  key('ca');
  const caExtensions = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=keyCertSign'];
  openssl(
    'req',
    '-x509',
    '-new',
    '-key',
    'ca.key',
    '-subj',
    '/CN=Test CA',
    '-days',
    '30',
    '-out',
    'ca.crt',
    ...caExtensions,
  );
  return {
    folder,
    caFile: join(folder, 'ca.crt'),
    issue(name, options = {}) {
      key(name);
      const extensions = `subjectAltName=${options.san ?? 'IP:127.0.0.1'}\nextendedKeyUsage=${options.usage ?? 'serverAuth'}\n`;
      writeFileSync(join(folder, `${name}.ext`), extensions);
      openssl('req', '-new', '-key', `${name}.key`, '-subj', `/CN=${name}`, '-out', `${name}.csr`);
      const signing = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', `${name}.ext`];
      openssl(
        'x509',
        '-req',
        '-in',
        `${name}.csr`,
        ...signing,
        '-days',
        String(options.days ?? 30),
        '-out',
        `${name}.crt`,
      );
      return { certFile: join(folder, `${name}.crt`), keyFile: join(folder, `${name}.key`) };
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export function pem({ certFile, keyFile }: { certFile: string; keyFile: string }): {
  cert: Buffer;
  key: Buffer;
} {
  return { cert: readFileSync(certFile), key: readFileSync(keyFile) };
}
