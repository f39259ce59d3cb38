/** An alert as a webhook: its body, and the signature by which the receiver knows who sent it and when. */
import { createHmac } from 'node:crypto'

/** Name of the header. */
export const SIGNATURE_HEADER = 'zt-signature'

/**
 * The value of the header: `t=UNIX,v1=HEX`, the HMAC-SHA256 of `UNIX.BODY`. The receiver compares it in constant time
 * and refuses what is older than it likes.
 */
export function webhookSignature(secret: string, unixSeconds: number, body: string): string {
  const hmac = createHmac('sha256', secret).update(`${unixSeconds}.${body}`).digest('hex')
  return `t=${unixSeconds},v1=${hmac}`
}
