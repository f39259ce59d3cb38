/**
 * The one question that the proxy port asks the rest of the daemon. A type only.
 */
import type { Duplex } from 'node:stream'
import type { Result } from '#lib/result'
import type { FlowClaims, FlowRefusal, FlowTarget, OnGone } from '#lib/tunnel/tunnel-connection'

/** Opens a flow whichever way it goes; resolves after the verdict, or after its client has gone. Never rejects. */
export type OpenFlow = (
  target: FlowTarget,
  claims: FlowClaims,
  onGone?: OnGone,
) => Promise<Result<Duplex, FlowRefusal>>
