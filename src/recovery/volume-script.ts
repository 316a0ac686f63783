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
/** What file systems and filers show of their own at the root of a volume: nobody's data. */
const NOT_OURS = '-path ./lost+found -o -path ./.snapshot';
const ENTRIES = `find . -mindepth 1 \\( ${NOT_OURS} \\) -prune -o`;

export const READ_SCRIPT = `${SESSION}
${SUMS_OPEN}
files=$(${ENTRIES} -print0 | tr -cd '\\0' | wc -c)
tar --create --format=posix --pax-option=delete=atime,delete=ctime --sort=name --sparse ${FORMAT} \\
  --exclude=./lost+found --exclude=./.snapshot --file=- . | tee /dev/fd/7 | counted
status=("\${PIPESTATUS[@]}")
${SUMS_CLOSE}
echo "airgap:files $((files))" >&2
echo "airgap:kilobytes $(du -sk --apparent-size . | cut -f1)" >&2
[ "\${status[1]}\${status[2]}" = 00 ] || exit 92
exit "\${status[0]}"
`;

/** The path of the first file on the volume; folders alone hold nobody's data. */
export const LOOK_SCRIPT = `${SESSION}
${ENTRIES} ! -type d -print -quit
`;

/** Empties the volume, then unpacks; the first argument is the size of the archive in bytes. */
export const WRITE_SCRIPT = `${SESSION}
find . -mindepth 1 -maxdepth 1 ! \\( ${NOT_OURS} \\) -exec rm -rf {} +
${SUMS_OPEN}
head -c "$1" | counted | tee /dev/fd/7 | tar --extract --preserve-permissions --same-owner ${FORMAT} --delay-directory-restore --file=-
status=$?
${SUMS_CLOSE}
sync -f . 2>/dev/null || sync
exit "$status"
`;

/**
 * Compares content, owners, modes and times of every entry; also fails for files that are not in the archive, which tar
 * does not look for. It names entries and differences on one stream: differences go on to standard error.
 */
export const COMPARE_SCRIPT = `${SESSION}
entries=$(head -c "$1" | tar --compare --verbose --quoting-style=escape ${FORMAT} --file=- |
  sed -e '/: \\(.* differs\\?\\|Not linked to .*\\)$/w /dev/stderr' -e '/^\\.\\/$/d' | wc -l)
status=$?
[ "$status" = 0 ] || exit "$status"
found=$(${ENTRIES} -print0 | tr -cd '\\0' | wc -c) || exit 93
[ "$found" -le "$entries" ] && exit
echo "there are $found files and folders, and $entries in the copy: somebody else writes to the volume" >&2
exit 92
`;
