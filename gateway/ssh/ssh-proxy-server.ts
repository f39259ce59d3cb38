/** SSH inspection as enforcement calls it: one function per flow. */
import { err, ok, type Result } from '#lib/result'
import { AuthorityUnavailable } from '#lib/ssh/certificate-mint'
import type { SshEnd, SshFlow } from '../enforce/ssh-service.ts'
import type { SshServiceDeps } from './ssh-service-deps.ts'
import { SshSession } from './ssh-session-server.ts'
import type { HostKey } from './transport/transport-types.ts'

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

/** What the user's client is shown, for every name that may have been typed. */
async function hostKeysFor(
  flow: SshFlow,
  deps: SshServiceDeps,
): Promise<Result<readonly HostKey[], string>> {
  const { host, port } = flow.facts.destination
  const dialled = flow.dialled === undefined ? [] : [flow.dialled]
  try {
    const keys = await deps.hostKeys.obtain({
      authority: deps.authorities.signer('host'),
      seed: deps.hostSeed,
      type: deps.ownKeys,
      ...{ host, port },
      names: [...new Set([host, ...deps.shortNames(host), ...dialled])],
      nowSeconds: Math.floor(deps.now() / 1000),
    })
    return ok(keys)
  } catch (error) {
    if (error instanceof AuthorityUnavailable) return err(error.message)
    throw error
  }
}
