import { SUMS_CLOSE, SUMS_OPEN } from './dump-script.js';

/**
 * The programs that run in a helper pod at a volume. tar keeps numeric owners, modes, times to the nanosecond, hard
 * links, holes and extended attributes; a file that changes while it is read is named, and the copy tried again.
 */
const SESSION = `
set -u -o pipefail
export LC_ALL=C
cd /volume || exit 90
tar --version 2>/dev/null | grep -q GNU || { echo 'the image has no GNU tar' >&2; exit 91; }
`;

/** What tar is told at both ends. */
const FORMAT = '--blocking-factor=128 --numeric-owner --xattrs --acls';

export const READ_SCRIPT = `${SESSION}
${SUMS_OPEN}
files=$(find . -mindepth 1 -path ./lost+found -prune -o -print0 | tr -cd '\\0' | wc -c)
tar --create --format=posix --pax-option=delete=atime,delete=ctime --sort=name --sparse ${FORMAT} \\
  --exclude=./lost+found --file=- . | tee /dev/fd/7 | counted
status=("\${PIPESTATUS[@]}")
${SUMS_CLOSE}
echo "airgap:files $((files))" >&2
echo "airgap:kilobytes $(du -sk --apparent-size . | cut -f1)" >&2
[ "\${status[1]}\${status[2]}" = 00 ] || exit 92
exit "\${status[0]}"
`;

/** Empties what a broken copy left, then unpacks; the first argument is the size of the archive in bytes. */
export const WRITE_SCRIPT = `${SESSION}
find . -mindepth 1 -maxdepth 1 ! -name lost+found -exec rm -rf {} +
${SUMS_OPEN}
head -c "$1" | counted | tee /dev/fd/7 | tar --extract --preserve-permissions --same-owner ${FORMAT} --delay-directory-restore --file=-
status=$?
${SUMS_CLOSE}
sync -f . 2>/dev/null || sync
exit "$status"
`;

/** Compares content, owners, modes and times of every entry; also fails for files that are not in the archive. */
export const COMPARE_SCRIPT = `${SESSION}
head -c "$1" | tar --compare ${FORMAT} --file=- >&2
status=$?
found=$(find . -mindepth 1 -path ./lost+found -prune -o -print0 | tr -cd '\\0' | wc -c)
echo "airgap:files $((found))" >&2
exit "$status"
`;
