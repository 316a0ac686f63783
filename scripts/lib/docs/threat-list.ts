/** A numbered fault or attack, in short. */
export interface Threat {
  readonly number: number;
  readonly fault: string;
}

/** The numbered faults by area; docs/threats.md says which test covers which. */
export const THREATS: readonly { readonly area: string; readonly threats: readonly Threat[] }[] = [
  {
    area: 'Bundle container',
    threats: [
      { number: 1, fault: 'one bit flipped anywhere: header, padding, manifest, signature, blob, trailer' },
      { number: 2, fault: 'truncated at any byte' },
      { number: 3, fault: 'bytes after the trailer (second archive, zeros)' },
      { number: 4, fault: 'leading bytes, polyglot, gzip magic, BOM' },
      { number: 5, fault: 'whole file recompressed or zipped by a courier' },
      { number: 6, fault: 'duplicate entry (first-wins vs last-wins)' },
      { number: 7, fault: 'symlink, hardlink, device, fifo, directory' },
      {
        number: 8,
        fault:
          'absolute path, .., backslash, drive, NUL, CRLF, RTL or look-alike, case collision, Windows device name',
      },
      { number: 9, fault: 'PAX headers, GNU long name/link, PAX size override' },
      { number: 10, fault: 'sparse entries, huge logical size' },
      { number: 11, fault: "size negative base-256, >2^53, octal junk, not the manifest's" },
      { number: 12, fault: 'header checksum wrong, signed-char variant' },
      { number: 13, fault: '10 million entries or manifest items' },
      { number: 14, fault: 'FIFO, /dev/zero, socket, directory given' },
      { number: 15, fault: 'entry missing, extra, reordered' },
      { number: 16, fault: 'blob >= 8 GiB (ustar octal limit)' },
      { number: 17, fault: 'parts: missing, duplicated, swapped, of another bundle, stale, last short' },
      { number: 18, fault: 'FAT32 4 GiB cut, copy stopped, zero-filled copy' },
      { number: 19, fault: 'file replaced between verify and use (TOCTOU), NFS returns other bytes later' },
      { number: 20, fault: 'media EIO mid-file' },
      { number: 21, fault: 'read-only or noexec mount; state dir read-only' },
      { number: 22, fault: '60 GB bundle on small memory' },
    ],
  },
  {
    area: 'Signature, keys, policy',
    threats: [
      { number: 23, fault: 'no signature, trusted keys configured' },
      { number: 24, fault: 'signed by another valid key' },
      { number: 25, fault: 'valid signature of another manifest' },
      { number: 26, fault: 'valid signature, payload of another release' },
      { number: 27, fault: 'threshold 2-of-3, same key under two ids' },
      {
        number: 28,
        fault: 'malleable, small-order, non-canonical Ed25519; wrong length; junk base64; legacy Ed for ED',
      },
      { number: 29, fault: 'trusted comment edited' },
      { number: 30, fault: 'old genuine bundle (rollback)' },
      { number: 31, fault: 'fast-forward: seq 2^53-1 by stolen key' },
      { number: 32, fault: 'freeze: only an 18-month-old bundle offered' },
      { number: 33, fault: 'key revoked in key list N+1, bundle carries N' },
      { number: 34, fault: 'list N+2 without N+1, or N+1 signed by new keys only' },
      { number: 35, fault: 'trust dir missing; writable by others; symlink' },
      { number: 36, fault: 'wrong product, edition, arch, cluster name' },
      { number: 37, fault: 'version jump outside supported path; cluster newer' },
      { number: 38, fault: "tool older than the manifest's minTool; unknown schemaVersion" },
      {
        number: 39,
        fault: 'duplicate JSON keys, __proto__, bad UTF-8, lone surrogates, float sizes, deep nesting',
      },
      { number: 40, fault: 'verified bytes differ from parsed bytes' },
    ],
  },
  {
    area: 'OCI content, charts, YAML',
    threats: [
      { number: 41, fault: 'blob missing, wrong size or digest, zero-filled' },
      { number: 42, fault: 'digest sha256:../../x, uppercase, sha1, unknown' },
      { number: 43, fault: 'manifest with both layers and manifests; mediaType mismatch' },
      { number: 44, fault: 'descriptor data not matching; index cycle or depth 100' },
      { number: 45, fault: 'foreign layers with urls' },
      {
        number: 46,
        fault:
          'zstd, uncompressed or unknown layers, schema1, attestation and unknown/unknown manifests, subject',
      },
      { number: 47, fault: 'decompression bomb layer' },
      { number: 48, fault: 'title/ref.name annotation with path or shell text' },
      { number: 49, fault: 'tag exists with another digest' },
      { number: 50, fault: 'chart tgz bomb, links, .., name ".", 5 MiB file' },
      { number: 51, fault: 'chart names an image not in the bundle' },
      {
        number: 52,
        fault:
          'YAML alias bomb, nesting, quadratic merge keys, !!js, duplicate keys, 1e999, NO, octal, multi-doc',
      },
      { number: 53, fault: 'values with shell, --set syntax, {{ }}, leading -' },
      { number: 54, fault: 'terminal escapes, fake "PASSED" in annotations or errors' },
      { number: 55, fault: 'chart hook deletes data; cluster-admin; hostPath' },
    ],
  },
  {
    area: 'Registry and transport',
    threats: [
      { number: 56, fault: '401 at start' },
      { number: 57, fault: '401 mid-blob (token expiry)' },
      { number: 58, fault: '403 on one repo, auto-create off' },
      { number: 59, fault: '404 on upload URL' },
      { number: 60, fault: '413 from ingress' },
      { number: 61, fault: '429 Retry-After seconds, date, absurd' },
      { number: 62, fault: '500/502/503/504' },
      { number: 63, fault: 'ENOSPC in registry (500/507 repeating on one blob)' },
      { number: 64, fault: 'reset mid-upload, half-open, 1 B/s, silence' },
      { number: 65, fault: 'early 401/413 hidden by EPIPE' },
      { number: 66, fault: '416; Range behind, ahead, missing, nonsense' },
      { number: 67, fault: '201 with wrong digest header, or corrupt storage' },
      { number: 68, fault: 'lying HEAD (absent blob, other size)' },
      { number: 69, fault: "blob GC'd between HEAD and manifest PUT" },
      { number: 70, fault: 'redirect to other host, http, link-local, 30 hops' },
      { number: 71, fault: 'token realm on other host or private IP' },
      { number: 72, fault: 'HTTP-only registry' },
      { number: 73, fault: 'private CA, self-signed, expired, wrong SAN, incomplete chain, SHA-1, TLS 1.0' },
      { number: 74, fault: 'mTLS needed' },
      {
        number: 75,
        fault: 'proxy env set in airgap, NO_PROXY missing, IPv6-only, slow DNS, port or path prefix in host',
      },
      {
        number: 76,
        fault:
          'registry replicas with different http secret (BLOB_UPLOAD_INVALID; distribution #2519, #2593)',
      },
      {
        number: 77,
        fault:
          'docker config: missing, bad JSON, no auth, bad base64, : in password, identitytoken, credsStore vs credHelpers',
      },
      { number: 78, fault: 'credential helper: / in name, hangs, 1 GB output, not found, prints secret' },
      {
        number: 79,
        fault: 'connected side: upstream tag moves during pack; rate limit; partial pull; NGC token expiry',
      },
      { number: 80, fault: 'two images want one repo:tag' },
    ],
  },
  {
    area: 'Process, disk, clock, concurrency',
    threats: [
      {
        number: 81,
        fault: 'kill -9 at each journal boundary (before/after intent, after effect, after commit)',
      },
      { number: 82, fault: 'kill -9 at random, 500 seeds' },
      { number: 83, fault: 'SIGINT once, twice; SIGTERM; SIGHUP (ssh drop); EPIPE (terminal closed)' },
      { number: 84, fault: 'Ctrl-C also reaches helm' },
      { number: 85, fault: 'disk full: state dir, temp, backup target, the journal itself' },
      { number: 86, fault: 'inodes, EMFILE, EDQUOT, ENAMETOOLONG, EROFS' },
      { number: 87, fault: 'power loss: empty file, torn journal line' },
      { number: 88, fault: 'two installs, one host' },
      { number: 89, fault: 'two installs, two hosts' },
      { number: 90, fault: 'holder dead, rebooted, pid reused, VM paused and resumed' },
      { number: 91, fault: 'someone runs helm, kubectl, ArgoCD by hand' },
      { number: 92, fault: 'clock +-10 years, jumps, DST, 1970' },
      { number: 93, fault: 'resume with other bundle, flags, context, tool' },
      { number: 94, fault: 'state dir lost, second laptop continues' },
      { number: 95, fault: 'locale, umask, no HOME, root or not, OOM' },
    ],
  },
  {
    area: 'Kubernetes, CRDs, Helm',
    threats: [
      { number: 96, fault: 'wrong kube-context' },
      {
        number: 97,
        fault: 'API down before or during; 429, 504, etcd leader change; expired token, exec plugin fails',
      },
      { number: 98, fault: 'response lost after effect' },
      { number: 99, fault: 'RBAC missing for one verb' },
      { number: 100, fault: 'apply conflict (409): field owned by another manager' },
      { number: 101, fault: 'CRD drops a version still in storedVersions' },
      {
        number: 102,
        fault:
          'stored version unserved; two storage; scope, kind, plural changed; conversion webhook missing',
      },
      { number: 103, fault: 'new schema rejects existing objects' },
      { number: 104, fault: 'CRD near or over 256 KiB last-applied; never Established' },
      { number: 105, fault: 'tool would delete a CRD or namespace' },
      { number: 106, fault: 'immutable field (selector, Job, StatefulSet claim templates, clusterIP)' },
      { number: 107, fault: 'webhook denies, times out, or its backend is being upgraded' },
      { number: 108, fault: 'quota, pod security, selector, pull failure (prefix, secret, node CA)' },
      { number: 109, fault: 'helm pending-upgrade, ours or foreign' },
      {
        number: 110,
        fault:
          'pending-install, pending-rollback, failed, uninstalling, superseded only, corrupt Secret, gap',
      },
      { number: 111, fault: 'helm exit 0 but pods crash; exit 1 but objects fine' },
      { number: 112, fault: 'helm or kubectl missing, too old; v3 vs v4 flags; hostile plugin; HELM_*' },
      { number: 113, fault: 'release Secret > 1 MiB' },
      { number: 114, fault: 'values lost by upgrade (reuse drift, removed keys)' },
      { number: 115, fault: 'control plane upgraded, cluster chart fails' },
      { number: 116, fault: 'ArgoCD, Flux, OLM owns the release' },
      { number: 117, fault: 'node drain, eviction mid-run' },
    ],
  },
  {
    area: 'Migrations, backup, restore, secrets',
    threats: [
      { number: 118, fault: 'destructive step, no fresh backup' },
      { number: 119, fault: 'destructive step half done, then crash' },
      { number: 120, fault: 'steps out of order, skipped or unknown version' },
      { number: 121, fault: 'pg_dump exits non-zero late' },
      { number: 122, fault: 'exec stream truncated, exit 0' },
      { number: 123, fault: 'DB pod restarts in dump; pod disk full' },
      { number: 124, fault: 'dump of wrong, empty or lagging DB' },
      { number: 125, fault: 'dump tool older than server; restore tool older than dump' },
      { number: 126, fault: 'hostile dump content at restore (psql meta-commands)' },
      { number: 127, fault: 'restore into non-empty DB, namespace, PVC' },
      { number: 128, fault: 'pg_restore fails at 60 %' },
      { number: 129, fault: 'crash while scaled to 0' },
      { number: 130, fault: 'restore on other cluster, version, domain' },
      { number: 131, fault: 'backup bit-rot, part missing, DB without PV' },
      {
        number: 132,
        fault:
          'PV: file changes while read, hard links, sparse, xattrs, ownership, RWO held by a running pod',
      },
      { number: 133, fault: 'backup target full, slow, stale NFS' },
      { number: 134, fault: 'retention deletes the last good backup' },
      { number: 135, fault: 'restore order wrong (objects before CRDs)' },
      {
        number: 136,
        fault:
          'secrets in argv, env dumps, logs, journal, support bundle, error text, temp files, shell history, core dumps',
      },
      { number: 137, fault: 'Authorization, _state=, signed URLs, tokens in debug logs' },
      { number: 138, fault: 'backup holds DB passwords and keys in clear' },
      { number: 139, fault: 'wrong or lost passphrase' },
      { number: 140, fault: 'tool upgraded: old journal, backup, bundle formats' },
    ],
  },
];
