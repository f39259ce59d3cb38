/** SSH inspection as enforcement calls it: one function per flow. */
import type { SshEnd, SshFlow } from '../enforce/ssh-service.ts'
import type { SshServiceDeps } from './ssh-service-deps.ts'
import { SshSession } from './ssh-session-server.ts'

/** Serves one flow that is enforced as SSH, until both its streams are closed. */
export function serveSsh(flow: SshFlow, deps: SshServiceDeps): Promise<SshEnd> {
  return new SshSession(flow, deps).finished()
}
