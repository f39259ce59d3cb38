/** The host keys shown to users, made once for a target, its names and an hour: several connections share them. */
import type { CertificateSigner } from '#lib/ssh/certificate-mint'
import type { HostKey } from '../transport/transport-types.ts'
import { mintHostCertificate } from './ca.ts'
import { deriveHostKey, type OwnKeyType } from './host-key.ts'

export type HostKeysOrder = {
  /** The ssh-host-ca that signs now: another one has made none of the keys kept. */
  readonly authority: CertificateSigner
  readonly seed: Buffer
  readonly type?: OwnKeyType | undefined
  readonly host: string
  readonly port: number
  /** All that the user may have typed, the host first. */
  readonly names: readonly string[]
  readonly nowSeconds: number
}

const HOUR_SECONDS = 3600
/** Names come from users: the oldest goes. */
const KEPT_LIMIT = 1000

export class HostKeys {
  readonly #kept = new Map<string, readonly HostKey[]>()

  /**
   * @returns the target's key under its certificate, and plain for clients that know no certificates.
   * @throws {AuthorityUnavailable}
   * @throws {Error} when the host or a name is none: a bug, since they were parsed when the flow was opened.
   */
  async obtain(order: HostKeysOrder): Promise<readonly HostKey[]> {
    const hour = Math.floor(order.nowSeconds / HOUR_SECONDS)
    const { authority, port, type, names } = order
    const id = JSON.stringify([
      authority.blob.toString('base64'),
      order.host,
      port,
      type,
      hour,
      names,
    ])
    const kept = this.#kept.get(id)
    if (kept !== undefined) return kept
    const made = await make(order)
    const [oldest] = this.#kept.keys()
    if (this.#kept.size >= KEPT_LIMIT && oldest !== undefined) this.#kept.delete(oldest)
    this.#kept.set(id, made)
    return made
  }
}

async function make({ seed, host, port, type, ...order }: HostKeysOrder) {
  const plain = deriveHostKey(seed, host, port, type)
  if (!plain.ok) throw new Error(`flow to a bad host: ${host}`)
  const certified = await mintHostCertificate({ ...order, hostKey: plain.value })
  if (!certified.ok) throw new Error(`no host certificate for ${host}`)
  return [certified.value, plain.value]
}
