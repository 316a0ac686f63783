import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import { AirgapError, systemCode } from '../errors.js';
import type { RegistryOptions } from './client.js';

/** What a TLS connection to one registry is made with. */
export interface TlsMaterial {
  readonly secureContext: SecureContext;
  readonly rejectUnauthorized: boolean;
}

/** Where distributions keep the CAs that the site's administrators added. */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
];

/**
 * Gathers CAs and client certificate for `host`. Giving Node any CA replaces its own list, so that list always
 * stays in. TLS 1.2 is the least.
 * @throws AirgapError FILE_NOT_FOUND, REGISTRY_TLS for files that are no PEM
 */
export async function loadTls(host: string, options: RegistryOptions): Promise<TlsMaterial> {
  const folder = join(options.certsDir ?? '/etc/docker/certs.d', host);
  const names = await readdir(folder).catch(() => [] as string[]);
  const ca = [...rootCertificates, ...(await systemCas(options))];
  if (options.caFile) ca.push(await readGiven(options.caFile));
  for (const name of names.filter((name) => name.endsWith('.crt')))
    ca.push(await readGiven(join(folder, name)));
  const client = await clientPair(folder, names, options);
  try {
    const secureContext = createSecureContext({ ca, minVersion: 'TLSv1.2', ...client });
    return { secureContext, rejectUnauthorized: options.insecureSkipTlsVerify !== true };
  } catch (cause) {
    throw new AirgapError('REGISTRY_TLS', `the certificates for ${host} cannot be used`, {
      found: systemCode(cause) ?? String(cause).slice(0, 200),
      hint: 'check that CA, client certificate and key are PEM files and that certificate and key belong together',
      cause,
    });
  }
}

async function systemCas(options: RegistryOptions): Promise<string[]> {
  const found: string[] = [];
  const file = options.env.SSL_CERT_FILE;
  if (file) found.push(await readGiven(file));
  for (const folder of (options.env.SSL_CERT_DIR ?? '').split(':').filter((part) => part !== '')) {
    for (const name of await readdir(folder).catch(() => [] as string[])) {
      const text = await readFile(join(folder, name), 'utf8').catch(() => '');
      if (text.includes('-----BEGIN CERTIFICATE-----')) found.push(text);
    }
  }
  if (found.length > 0) return found;
  for (const path of SYSTEM_BUNDLES) {
    const text = await readFile(path, 'utf8').catch(() => '');
    if (text.includes('-----BEGIN CERTIFICATE-----')) return [text];
  }
  return [];
}

async function clientPair(
  folder: string,
  names: readonly string[],
  options: RegistryOptions,
): Promise<{ cert?: string; key?: string }> {
  const certName = names.find((name) => name.endsWith('.cert'));
  const fromFolder = certName && {
    certFile: join(folder, certName),
    keyFile: join(folder, certName.replace(/\.cert$/, '.key')),
  };
  const pair = options.clientCert ?? fromFolder;
  if (!pair) return {};
  await warnIfOpen(pair.keyFile, options);
  return { cert: await readGiven(pair.certFile), key: await readGiven(pair.keyFile) };
}

async function warnIfOpen(path: string, options: RegistryOptions): Promise<void> {
  const info = await stat(path).catch(() => undefined);
  if (!info || (info.mode & 0o077) === 0) return;
  const text = `the private key ${path} can be read by others on this host: chmod 600 ${path}`;
  options.emit?.({ type: 'note', level: 'warn', text });
}

async function readGiven(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const found = systemCode(cause) ?? String(cause);
    throw new AirgapError('FILE_NOT_FOUND', `the certificate file ${path} cannot be read`, { found, cause });
  }
}
