/** What is wrong with a TLS connection, in words, and what to do. */
export interface TlsFault {
  readonly what: string;
  readonly hint: string;
}

const CA_HINT = 'give the CA that signed it with --ca-file, or put it into certs.d/<registry>/ca.crt';
const CLIENT_HINT = 'give --client-cert and --client-key, or put them into certs.d/<registry>/';

const FAULTS: Readonly<Record<string, TlsFault>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: { what: 'its certificate is signed by itself', hint: CA_HINT },
  SELF_SIGNED_CERT_IN_CHAIN: {
    what: 'its certificate is of a private CA that is not trusted',
    hint: CA_HINT,
  },
  UNABLE_TO_GET_ISSUER_CERT: { what: 'the issuer of its certificate is unknown', hint: CA_HINT },
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: { what: 'the issuer of its certificate is unknown', hint: CA_HINT },
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: {
    what: 'the issuer of its certificate is unknown, or the server does not send the chain between',
    hint: `${CA_HINT}; or let the server send its intermediate certificates`,
  },
  CERT_HAS_EXPIRED: {
    what: 'its certificate has expired',
    hint: 'renew the certificate of the registry; check the clock of this host',
  },
  CERT_NOT_YET_VALID: {
    what: 'its certificate is not valid yet',
    hint: 'check the clock of this host: date -u',
  },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    what: 'its certificate is for another name',
    hint: 'use a name that stands in the certificate, or let it be issued for this one',
  },
  CERT_UNTRUSTED: { what: 'its certificate is not trusted for servers', hint: CA_HINT },
  INVALID_CA: { what: 'a certificate in its chain is no CA', hint: CA_HINT },
  INVALID_PURPOSE: { what: 'its certificate is not for servers', hint: 'issue it with serverAuth' },
  CERT_REVOKED: { what: 'its certificate is revoked', hint: 'renew the certificate of the registry' },
  CERT_SIGNATURE_FAILURE: { what: 'a signature in its chain is wrong', hint: CA_HINT },
  EE_KEY_TOO_SMALL: {
    what: 'the key of its certificate is too short',
    hint: 'renew it with RSA 2048 or P-256',
  },
  CA_KEY_TOO_SMALL: { what: 'the key of its CA is too short', hint: 'renew it with RSA 2048 or P-256' },
  CA_MD_TOO_WEAK: {
    what: 'its chain is signed with SHA-1 or MD5',
    hint: 'renew the certificate with SHA-256',
  },
  ERR_SSL_WRONG_VERSION_NUMBER: {
    what: 'it does not speak TLS on this port',
    hint: 'add --plain-http if the registry is meant to be without TLS',
  },
  ERR_SSL_PACKET_LENGTH_TOO_LONG: {
    what: 'it does not speak TLS on this port',
    hint: 'add --plain-http if the registry is meant to be without TLS',
  },
  ERR_SSL_HTTP_REQUEST: { what: 'it speaks plain HTTP', hint: 'add --plain-http' },
  ERR_SSL_UNSUPPORTED_PROTOCOL: {
    what: 'it speaks TLS 1.1 or older only',
    hint: 'enable TLS 1.2 on the registry',
  },
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: {
    what: 'it and this host have no TLS version in common',
    hint: 'enable TLS 1.2 on the registry',
  },
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: { what: 'it asks for a client certificate', hint: CLIENT_HINT },
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: { what: 'it refuses our client certificate', hint: CLIENT_HINT },
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: { what: 'it does not trust our client certificate', hint: CLIENT_HINT },
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: { what: 'it refuses our client certificate', hint: CLIENT_HINT },
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: {
    what: 'it refuses the handshake, often for want of a client certificate',
    hint: CLIENT_HINT,
  },
};

/**
 * The class of a TLS error by its code; undefined when the code is not of TLS. Node gives EPROTO to some, whose
 * message then holds OpenSSL's own words.
 */
export function tlsFaultOf(code: string | undefined, message = ''): TlsFault | undefined {
  if (code === undefined) return undefined;
  if (code === 'EPROTO') return tlsFaultOf(codeIn(message));
  const known = FAULTS[code];
  if (known) return known;
  if (/^ERR_(?:SSL|TLS)_|^(?:CERT|CRL)_/.test(code)) {
    return {
      what: `the TLS handshake fails (${code})`,
      hint: 'openssl s_client -connect <registry> shows more',
    };
  }
  return undefined;
}

/** `…:SSL routines:ssl3_get_record:wrong version number:…` is ERR_SSL_WRONG_VERSION_NUMBER. */
function codeIn(message: string): string {
  const reason = /SSL routines:[^:]*:([^:]+):/.exec(message)?.[1] ?? 'protocol error';
  return `ERR_SSL_${reason.toUpperCase().replaceAll(' ', '_')}`;
}
