/** The first part of every backup: says what the file is, also to somebody who has no airgap. */
export const README_PATH = 'airgap-backup.txt';

export const README = `A backup made by airgap: one tar, written front to back.

Whole check, without a cluster:   airgap backup verify FILE
Contents:                         airgap backup inspect FILE
Restore:                          airgap restore FILE --bundle BUNDLE

Without airgap
  age -d -i KEYFILE FILE | tar x       an encrypted backup (age-encryption.org/v1)
  tar xf FILE                          a plain one
  backup.json                          what the parts are, with sizes and SHA-256
  cat database/NAME.dump/* > NAME.dump joins a part that is cut into numbered chunks
  pg_restore --list NAME.dump          what a database dump holds
  backup.end                           where backup.json lies, for readers that begin at the end
`;
