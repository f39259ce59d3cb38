/**
 * What the gateway's two listeners answered to the doctor, and what follows from a single answer. Pure.
 */
import { X509Certificate } from 'node:crypto'

/** Answers of one look. */
export type GatewayAnswers = {
  /** Proxy in front of the gateway, without user and password. */
  readonly upstream?: string
  readonly tunnel: TunnelAnswer
  readonly login: LoginAnswer
  /** What answered plain HTTP in the login origin's name; asked only where `login` is not the gateway. */
  readonly plain?: PlainAnswer
  /** The same small question in more octets than one packet holds; asked only after a small one was answered. */
  readonly large?: 'answered' | 'silent'
  /** Largest packet on the way to the tunnel listener, as far as the kernel knows, in octets. */
  readonly mtu?: { readonly link: string; readonly bytes: number }
}

/** A TLS handshake with the tunnel listener under the pinned CA; `reason` as in `zt status`. */
export type TunnelAnswer =
  | { readonly kind: 'trusted' }
  | { readonly kind: 'failed'; readonly reason: string }

/** The login origin's answer to a question whose answer this device knows: its own CA. */
export type LoginAnswer =
  | { readonly kind: 'failed'; readonly reason: string }
  | {
      readonly kind: 'answered'
      /** Why nobody vouches for its certificate, as Node says it; absent: it is vouched for. */
      readonly untrusted?: string
      readonly status: number
      /** Where it sends us, which we do not follow. */
      readonly redirectHost?: string
      readonly isKnown: boolean
      readonly clock?: ClockSample
    }

export type PlainAnswer = { readonly status: number; readonly redirectHost?: string }

export type Stranger = PlainAnswer & { readonly untrusted?: string }

/** The server's Date header (RFC 9110 section 6.6.1), and when we asked and heard by our clock. Unix milliseconds. */
export type ClockSample = {
  readonly dateMs: number
  readonly sentAtMs: number
  readonly heardAtMs: number
}

/** A Date header says whole seconds. */
const DATE_GRAIN_MS = 1000

/**
 * How far the server's clock is ahead of ours, as bounds in milliseconds: it said `dateMs`, cut to the second, at some time
 * between our two readings.
 */
export function clockBounds({ dateMs, sentAtMs, heardAtMs }: ClockSample): {
  readonly fromMs: number
  readonly toMs: number
} {
  return { fromMs: dateMs - heardAtMs, toMs: dateMs + DATE_GRAIN_MS - sentAtMs }
}

/** Whether a body is the certificate that this device pinned. Never throws. */
export function isSameCertificate(body: string, pinned: string): boolean {
  try {
    return new X509Certificate(body).fingerprint256 === new X509Certificate(pinned).fingerprint256
  } catch {
    return false
  }
}

/** Host that a Location header names, in whatever form it comes; undefined for a path on the same host. */
export function redirectHostOf(location: string | undefined): string | undefined {
  return location !== undefined && URL.canParse(location) ? new URL(location).host : undefined
}

/** Who answered in the place of the gateway, and what; undefined: nobody did, or the gateway itself. */
export function strangerIn({
  login,
  plain,
}: Pick<GatewayAnswers, 'login' | 'plain'>): Stranger | undefined {
  if (login.kind === 'failed') return plain
  return isGatewayItself(login) ? undefined : login
}

/** The host that a captive portal sends to; the login origin's own where it answers in its name. */
export function portalHostIn(answers: GatewayAnswers, loginUrl: string): string | undefined {
  const { plain } = answers
  const stranger = strangerIn(answers)
  if (stranger === undefined) return undefined
  const host = plain?.redirectHost ?? stranger.redirectHost
  // Over TLS alone, a program that opens it answers just so.
  return host ?? (plain && new URL(loginUrl).hostname)
}

/** Names of Node and OpenSSL for a certificate that the clock puts out of its time. */
const UNTIMELY = ['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED']

/** Whether the answer comes from the gateway, or would if the clock were right. */
export function isGatewayItself(login: LoginAnswer): boolean {
  if (login.kind === 'failed') return false
  return login.untrusted === undefined || UNTIMELY.includes(login.untrusted)
}
