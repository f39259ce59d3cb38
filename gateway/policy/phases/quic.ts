/**
 * QUIC is TLS over UDP, where nothing of it can be looked at. An application of HTTP or TLS is not to be had that way
 * beside the one that is written: refused, browsers turn to TCP (RFC 9308 section 2).
 */
import type { CompiledPolicy } from '../compile.ts'
import { deny, type Flow, namesOf, type Verdict } from '../flow.ts'

/** The last word on a permitted flow; it can only take the permit away. */
export function quicPhase(
  policy: CompiledPolicy,
  flow: Flow,
  permit: Verdict & { readonly kind: 'permit' },
): Verdict {
  const isAllowed = flow.service.transport !== 'udp' || policy.document.quic === 'allow'
  if (isAllowed || !isWeb(policy, flow)) return permit
  flow.trace.push({ phase: 'application', name: 'quic', outcome: 'matched', detail: 'block' })
  return deny('quic_blocked', namesOf(permit))
}

/** Whether host or address belong, on this port, to an application of HTTP or TLS, over TCP or over UDP itself. */
function isWeb({ applications }: CompiledPolicy, { host, address, service }: Flow): boolean {
  const transports = ['tcp', 'udp'] as const
  return transports.some((transport) => {
    const asked = { port: service.port, transport }
    const [named] = applications.matches(host, asked)
    const [dialled] = address === undefined ? [] : applications.onAddress(address, asked)
    return [named, dialled].some((owner) => WEB.has(owner?.value.written.protocol))
  })
}

const WEB: ReadonlySet<string | undefined> = new Set(['http', 'tls'])
