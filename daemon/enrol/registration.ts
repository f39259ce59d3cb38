/**
 * What a device remembers of its registration, and what follows from a certificate's dates. Pure.
 */
import { X509Certificate } from 'node:crypto'
import { z } from 'zod'
import { err, ok, type Result } from '#lib/result'

const settings = z.object({
  domains: z.array(z.string()),
  prefixes: z.array(z.string()),
  others: z.enum(['direct', 'refuse']),
  sshHostAuthorities: z.array(z.string()),
  service: z.object({ name: z.string(), expiresAtMs: z.int().exactOptional() }).exactOptional(),
  synthetic: z
    .object({ v4: z.string().exactOptional(), v6: z.string().exactOptional() })
    .exactOptional(),
  lockdown: z.boolean().exactOptional(),
  lock: z.object({ overrideKey: z.string() }).exactOptional(),
  captivePortalMs: z.number().exactOptional(),
})

const registration = z.object({
  version: z.literal(1),
  /** An origin: where this device's user logs in, and nowhere else. */
  loginUrl: z.string(),
  tunnelUrl: z.string(),
  deviceId: z.string(),
  /** Absent: the device is a service's. */
  userEmail: z.string().exactOptional(),
  /** uid that ran `zt enroll`, from the kernel: the only one this daemon serves. */
  ownerUid: z.number().int().nonnegative(),
  /** PKCS#8 PEM. */
  key: z.string(),
  certificate: z.string(),
  gatewayCa: z.string(),
  /** CA of the login origin where no public CA vouches for it, PEM. */
  loginCa: z.string().optional(),
  /** Last settings of the gateway: what is ours stays ours while it is away. */
  settings: settings.optional(),
  /** Codes that lifted the lock: none does so twice. */
  usedCodes: z.array(z.string()).optional(),
  /** The last of them, and the boot in whose clocks its time is. */
  lifted: z
    .object({
      bootId: z.string(),
      from: z.object({ wallMs: z.number(), steadyMs: z.number() }),
      forMs: z.number(),
    })
    .exactOptional(),
})

/** One registration; holds the private key, so it is never logged. */
export type Registration = Readonly<z.infer<typeof registration>>

/** Text as it is kept on disk. */
export function encodeRegistration(value: Registration): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

/** Reads that text. Never throws. */
export function decodeRegistration(
  text: string,
): Result<Registration, { readonly reason: 'bad_registration' }> {
  try {
    const parsed = registration.safeParse(JSON.parse(text))
    if (parsed.success) return ok(parsed.data)
  } catch {
    // not JSON: the same refusal
  }
  return err({ reason: 'bad_registration' })
}

/** A lapsed leaf may be renewed this long after its end (the gateway's rule). */
const GRACE_MS = 30 * 24 * 3600 * 1000

/** What to do about a certificate now; `waitMs` until half of its life has passed. */
export type RenewalPlan =
  | { readonly action: 'wait'; readonly waitMs: number }
  | { readonly action: 'renew' }
  | { readonly action: 'enrol_again' }

/** @param certificatePem the device's leaf. @throws {Error} when it is no certificate: what we keep we have checked. */
export function planRenewal(certificatePem: string, nowMs: number): RenewalPlan {
  const { notBeforeMs, notAfterMs } = validityOf(certificatePem)
  if (nowMs >= notAfterMs + GRACE_MS) return { action: 'enrol_again' }
  const halfLifeMs = notBeforeMs + (notAfterMs - notBeforeMs) / 2
  return nowMs < halfLifeMs ? { action: 'wait', waitMs: halfLifeMs - nowMs } : { action: 'renew' }
}

/** Validity of a certificate in Unix milliseconds. */
export function validityOf(certificatePem: string): { notBeforeMs: number; notAfterMs: number } {
  const { validFrom, validTo } = new X509Certificate(certificatePem)
  return { notBeforeMs: Date.parse(validFrom), notAfterMs: Date.parse(validTo) }
}
