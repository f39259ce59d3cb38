/**
 * The one question that the proxy port asks the rest of the daemon. A type only.
 */
import type { Duplex } from 'node:stream'
import type { Result } from '#lib/result'
import type { FlowClaims, FlowRefusal, FlowTarget } from '#lib/tunnel/tunnel-connection'

/** Opens a flow whichever way it goes; resolves after the verdict. Never rejects. */
export type OpenFlow = (
  target: FlowTarget,
  claims: FlowClaims,
) => Promise<Result<Duplex, FlowRefusal>>
