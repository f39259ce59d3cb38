/** How a device asks for an SSH certificate that its user may hold: `POST /ssh-certificate` on the tunnel. */
import { z } from 'zod'

/** A certificate has at most so many principals. */
const PRINCIPALS_LIMIT = 256

const sshCertificateRequest = z.strictObject({
  /** OpenSSH line of a key made on the device. */
  public_key: z.string().min(1).max(4096),
  /** UNIX users; empty: all that policy grants. */
  principals: z.array(z.string().min(1).max(32)).max(PRINCIPALS_LIMIT),
})
const sshCertificate = z.object({
  /** OpenSSH line. */
  certificate: z.string().min(1).max(32_768),
  serial: z.string(),
  principals: z.array(z.string()),
  /** RFC 3339. */
  valid_until: z.string(),
})
const refusal = z.object({ error: z.string(), error_description: z.string() })

export type SshCertificateRequest = z.infer<typeof sshCertificateRequest>
export type SshCertificate = Readonly<Omit<z.infer<typeof sshCertificate>, 'principals'>> & {
  readonly principals: readonly string[]
}

/** Undefined for anything else. */
export function decodeSshCertificateRequest(body: unknown): SshCertificateRequest | undefined {
  return sshCertificateRequest.safeParse(body).data
}

export function decodeSshCertificate(body: unknown): SshCertificate | undefined {
  return sshCertificate.safeParse(body).data
}

/** Why there is none: a stable reason, and a sentence. */
export function decodeSshCertificateRefusal(body: unknown): z.infer<typeof refusal> | undefined {
  return refusal.safeParse(body).data
}
