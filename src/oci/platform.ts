import { AirgapError } from '../errors.js';
import { printable } from '../redact.js';
import type { Platform } from './types.js';

const PART = /^[A-Za-z0-9_.-]+$/;

/** Reads os/arch[/variant]. @throws AirgapError REFERENCE_INVALID */
export function parsePlatform(text: string): Platform {
  const [os, architecture, variant, ...rest] = text.split('/');
  const parts = [os, architecture, ...(variant === undefined ? [] : [variant])];
  if (!os || !architecture || rest.length > 0 || !parts.every((part) => part && PART.test(part))) {
    throw new AirgapError('REFERENCE_INVALID', `"${printable(text, 100)}" is not a platform`, {
      expected: 'os/architecture or os/architecture/variant',
      found: printable(text, 100),
      hint: 'write it as linux/amd64',
    });
  }
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}

export function formatPlatform(platform: Platform): string {
  const variant = platform.variant === undefined ? '' : `/${platform.variant}`;
  return `${platform.os}/${platform.architecture}${variant}`;
}

/** True for what BuildKit writes for attestations and other things that no node runs. */
export function isUnknownPlatform(platform: Platform | undefined): boolean {
  return platform !== undefined && (platform.os === 'unknown' || platform.architecture === 'unknown');
}

/** arm64 without a variant is v8, arm without one is v7 (containerd's platforms package). */
export function normalPlatform(platform: Platform): Platform {
  const { os, architecture, variant } = platform;
  if (architecture === 'arm64' && (variant === 'v8' || variant === '8')) return { os, architecture };
  if (architecture === 'arm' && variant === undefined) return { os, architecture, variant: 'v7' };
  return platform;
}

export function samePlatform(one: Platform, other: Platform): boolean {
  return formatPlatform(normalPlatform(one)) === formatPlatform(normalPlatform(other));
}
