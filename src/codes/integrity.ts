import { type CodeRow, EXIT } from './row.js';

/** Damage and forgery: exit 4. */
export const INTEGRITY_CODES = {
  TOOL_CHECKSUM: {
    exit: EXIT.integrity,
    meaning: 'A tool does not have the checksum that the spec gives.',
    next: 'check where the tool came from, and the checksum in the spec',
  },
  BUNDLE_TRUNCATED: {
    exit: EXIT.integrity,
    meaning: 'The bundle is shorter or longer than its manifest says.',
    next: 'copy the bundle again; for FAT32 or DVD use pack --split',
  },
  BUNDLE_CORRUPT: {
    exit: EXIT.integrity,
    meaning: 'Bytes of the bundle are not what its manifest says.',
    next: 'copy the bundle again and compare the checksum that pack printed',
  },
  BUNDLE_PART: {
    exit: EXIT.integrity,
    meaning: 'A part of a split bundle is missing, short, swapped or of another bundle.',
    next: 'copy the part named here again',
  },
  BUNDLE_CHANGED: {
    exit: EXIT.integrity,
    meaning: 'The bundle was replaced or modified while it was in use.',
    next: 'put the right file back and run the command again',
  },
  MEDIA_ERROR: {
    exit: EXIT.integrity,
    meaning: 'The medium that holds the bundle cannot be read at a place.',
    next: 'copy the bundle again from its source to another medium',
  },
  BLOB_MISMATCH: {
    exit: EXIT.integrity,
    meaning: 'A blob does not have the digest or size that its descriptor gives.',
    next: 'run the command again; if it persists, the source is damaged',
  },
  SIGNATURE_INVALID: {
    exit: EXIT.integrity,
    meaning: 'The signature does not verify, is not canonical, or is by a key that is not trusted.',
    next: 'ask for the bundle again through another channel and compare the bundle id by voice',
  },
  SIGNATURE_MISSING: {
    exit: EXIT.integrity,
    meaning: 'Trusted keys are configured, and the bundle is not signed.',
    next: 'ask for a signed bundle, or accept this one with --allow-unsigned=<bundle id>',
  },
  KEY_INVALID: {
    exit: EXIT.integrity,
    meaning: 'A key file is not a minisign key, is damaged, or does not open with the passphrase.',
    next: 'check the key file and the passphrase',
  },
  TRUST_UNSAFE: {
    exit: EXIT.integrity,
    meaning: 'The folder of trusted keys cannot be trusted (writable by others, a link, unreadable).',
    next: 'mend its owner and mode: chmod go-w',
  },
  BASE_MISSING: {
    exit: EXIT.integrity,
    meaning: 'A delta bundle needs blobs that are neither in the registry nor in the base bundle.',
    next: 'give the older bundle with --base FILE, or use a full bundle',
  },
} as const satisfies Record<string, CodeRow>;
