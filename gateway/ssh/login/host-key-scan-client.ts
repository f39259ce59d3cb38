/**
 * Asks a host for its keys, up to the key exchange and no further. Nothing is trusted by this: an administrator
 * compares the fingerprints with those of the host.
 */
import type { Socket } from 'node:net'
import { formatAddress } from '#lib/net/address'
import type { Endpoint, Host } from '#lib/net/endpoint'
import { err, ok, type Result } from '#lib/result'
import { certificateName, SIGNATURE_ALGORITHMS } from '#lib/ssh/key-algorithms'
import { ADMINISTRATOR } from '../../dns/lookup-shares.ts'
import type { Dial } from '../../enforce/dial-client.ts'
import { createEndSignal } from '../../enforce/end-signal.ts'
import type { Resolve } from '../../enforce/resolve-client.ts'
import { isNeverDialled } from '../../policy/phases/address.ts'
import { SshLeg } from '../transport/ssh-leg-server.ts'
import type { AeadBinding, AlgorithmLists } from '../transport/transport-types.ts'
import { type ScannedHost, scannedHost } from './scanned-host.ts'

export type ScanError = {
  readonly reason:
    | 'name_not_found'
    | 'too_many_lookups'
    | 'address_forbidden'
    | 'target_unreachable'
    | 'target_timeout'
    | 'no_host_key'
}

/** @returns every key that the host has and we know, `no_host_key` when it proves none. */
export type ScanHost = (endpoint: Endpoint) => Promise<Result<ScannedHost, ScanError>>

export type ScanDeps = {
  readonly resolve: Resolve
  readonly dial: Dial
  readonly algorithms: AlgorithmLists
  readonly binding?: AeadBinding | undefined
}

/** A host shows one key a connection: one for each kind. */
const OFFERS: readonly (readonly string[])[] = [
  ['ssh-ed25519'],
  ['ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521'],
  ['rsa-sha2-512', 'rsa-sha2-256'],
  SIGNATURE_ALGORITHMS.map(certificateName),
]
/** For a connection, and for its key exchange, ms. */
const STEP_MS = 4000

export function createHostKeyScanner(deps: ScanDeps): ScanHost {
  return async ({ host, port }) => {
    const address = await addressOf(host, deps.resolve)
    if (!address.ok) return address
    const shown = await Promise.all(
      OFFERS.map((offer) => askForKey({ address: address.value, port }, offer, deps)),
    )
    const blobs = shown.flatMap((one) => (one.ok && one.value !== undefined ? [one.value] : []))
    if (blobs.length > 0) return ok(scannedHost(blobs))
    return shown.find((one) => !one.ok) ?? err({ reason: 'no_host_key' })
  }
}

async function addressOf(host: Host, resolve: Resolve): Promise<Result<string, ScanError>> {
  const found =
    host.kind === 'name' ? await resolve(host.name, ADMINISTRATOR) : ok([host.address] as const)
  if (!found.ok) return found
  const [address] = found.value
  return isNeverDialled(address) ? err({ reason: 'address_forbidden' }) : ok(formatAddress(address))
}

type KeyError = Exclude<ScanError['reason'], 'no_host_key'>

async function askForKey(
  to: { readonly address: string; readonly port: number },
  offer: readonly string[],
  deps: ScanDeps,
): Promise<Result<Buffer | undefined, { readonly reason: KeyError }>> {
  const dialled = await deps.dial(to, STEP_MS, createEndSignal().signal)
  if (dialled.ok) return ok(await shownKey(dialled.value, offer, deps))
  const { reason } = dialled.error
  return err({ reason: reason === 'gave_up' ? 'target_unreachable' : reason })
}

/** The key that was proved, if any; the connection is then closed. */
function shownKey(
  socket: Socket,
  hostKeyAlgorithms: readonly string[],
  { algorithms, binding }: ScanDeps,
): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    let shown: Buffer | undefined
    const leg = new SshLeg(socket, {
      ...{ role: 'client', algorithms, binding, hostKeyAlgorithms },
      verifyHostKey(blob) {
        shown = Buffer.from(blob)
        return err({ reason: 'only_asked' })
      },
    })
    const timer = setTimeout(() => leg.transport.connectionLost(), STEP_MS)
    leg.onClosed = () => {
      clearTimeout(timer)
      socket.destroy()
      resolve(shown)
    }
  })
}
