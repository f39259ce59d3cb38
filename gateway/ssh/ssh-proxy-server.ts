/** SSH inspection as enforcement calls it: one function per flow. */
import { err, ok, type Result } from '#lib/result'
import { AuthorityUnavailable } from '#lib/ssh/certificate-mint'
import type { SshEnd, SshFlow } from '../enforce/ssh-service.ts'
import { mintHostCertificate } from './ca.ts'
import { deriveHostKey } from './host-key.ts'
import type { SshServiceDeps } from './ssh-service-deps.ts'
import { SshSession } from './ssh-session-server.ts'
import type { HostKey } from './transport-types.ts'

/** Serves one flow that is enforced as SSH, until both its streams are closed. */
export async function serveSsh(flow: SshFlow, deps: SshServiceDeps): Promise<SshEnd> {
  const { client, flowId } = flow
  // A client may go while an agent signs; the session, which would hear of it, is not there yet.
  client.on('error', () => {})
  const hostKeys = await hostKeysFor(flow, deps)
  if (hostKeys.ok && !client.destroyed) {
    return new SshSession(flow, hostKeys.value, deps).finished()
  }
  const closeReason = hostKeys.ok ? 'user_connection_lost' : 'authority_unavailable'
  const detail = hostKeys.ok ? {} : { detail: hostKeys.error }
  deps.log.warn({ flow: flowId, closeReason, ...detail }, 'ssh session')
  client.destroy()
  return { closeReason }
}

/**
 * The target's own key with us, under a certificate for every name the user may have typed, and plain for clients
 * that know no certificates.
 * @throws {Error} when the flow's host is no host: a bug, since it was parsed when the flow was opened.
 */
async function hostKeysFor(
  flow: SshFlow,
  deps: SshServiceDeps,
): Promise<Result<readonly HostKey[], string>> {
  const { host, port } = flow.facts.destination
  const plain = deriveHostKey(deps.hostSeed, host, port, deps.ownKeys)
  if (!plain.ok) throw new Error(`flow to a bad host: ${host}`)
  const dialled = flow.dialled === undefined ? [] : [flow.dialled]
  try {
    const certified = await mintHostCertificate({
      authority: deps.authorities.signer('host'),
      hostKey: plain.value,
      names: [...new Set([host, ...deps.shortNames(host), ...dialled])],
      nowSeconds: Math.floor(deps.now() / 1000),
    })
    if (!certified.ok) throw new Error(`no host certificate for ${host}`)
    return ok([certified.value, plain.value])
  } catch (error) {
    if (error instanceof AuthorityUnavailable) return err(error.message)
    throw error
  }
}
