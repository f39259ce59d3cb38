/** Numbers of the IANA registry "Domain Name System Parameters" that this product speaks of. */

export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  OPT: 41,
  SVCB: 64,
  HTTPS: 65,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const

/** The Internet. */
export const CLASS_IN = 1

/** RFC 1035 section 4.1.1; BADVERS is of RFC 6891 and needs an OPT record to be said. */
export const RCODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
} as const

/** Extended DNS errors (RFC 8914 section 4). */
export const EXTENDED_ERROR = {
  OTHER: 0,
  BLOCKED: 15,
  PROHIBITED: 18,
  NOT_AUTHORITATIVE: 20,
  NOT_SUPPORTED: 21,
  NO_REACHABLE_AUTHORITY: 22,
  NETWORK_ERROR: 23,
} as const

/** The option of an OPT record that holds an extended error (RFC 8914 section 2). */
export const ERROR_OPTION = 15

/** The flag DO in an OPT record (RFC 3225 section 3). */
export const DNSSEC_OK = 0x8000

/** Bits of the second 16-bit word of a message (RFC 1035 section 4.1.1, RFC 4035 section 3). */
export const FLAG = {
  QR: 0x8000,
  /** All four bits of it. */
  OPCODE: 0x7800,
  AA: 0x0400,
  TC: 0x0200,
  RD: 0x0100,
  RA: 0x0080,
  AD: 0x0020,
  CD: 0x0010,
} as const
