/** SSH inspection as enforcement calls it: one function per flow. */
import type { SshEnd, SshFlow } from '../enforce/ssh-service.ts'
import type { SshServiceDeps } from './ssh-service-deps.ts'
import { SshSession } from './ssh-session-server.ts'

/**
 * Serves one flow whose permit is enforced as SSH, until both its streams are closed.
 * @throws {Error} when the permit is enforced otherwise: a bug of the caller.
 */
export function serveSsh(flow: SshFlow, deps: SshServiceDeps): Promise<SshEnd> {
  const { enforcement } = flow.permit
  if (enforcement.kind !== 'ssh') throw new Error('not a permit for ssh')
  return new SshSession(flow, enforcement.ssh, deps).finished()
}
