/**
 * Connects to what is not ours, from this machine. The name is resolved once; the addresses are judged like any
 * destination, and only those are dialled, so that a name cannot lead to our own port or round the tunnel.
 */
import { lookup as resolveName } from 'node:dns/promises'
import { connect, type LookupFunction, type Socket } from 'node:net'
import { err, ok, type Result } from '#lib/result'
import type { FlowRefusal, FlowTarget } from '#lib/tunnel/tunnel-connection'
import { type LocalReason, localRefusal } from './listen/refusal.ts'
import { parseTargetHost } from './listen/target.ts'

type ResolvedAddress = { readonly address: string; readonly family: number }

const CONNECT_TIMEOUT_MS = 30_000
/** Attempts of one connection, over all addresses of the name (RFC 8305 asks for a bound). */
const ADDRESS_LIMIT = 16

const REASONS: Readonly<Record<string, LocalReason>> = {
  ECONNREFUSED: 'connection_refused',
  ETIMEDOUT: 'target_timeout',
  ABORT_ERR: 'target_timeout',
}

/** Addresses of a host, canonical; an address is its own. Never rejects. */
export async function resolveHost(host: string): Promise<Result<string[], FlowRefusal>> {
  try {
    const found = await resolveName(host, { all: true })
    const addresses = found.flatMap(({ address }) => {
      const parsed = parseTargetHost(address)
      return parsed.ok ? [parsed.value] : []
    })
    if (addresses.length > 0) return ok(addresses.slice(0, ADDRESS_LIMIT))
  } catch {
    // Whatever the resolver said, there is no address.
  }
  return err(localRefusal('name_not_found'))
}

/** Connects to one of the addresses, and to nothing else. Never rejects. */
export function connectTo(
  target: FlowTarget,
  addresses: readonly string[],
): Promise<Result<Socket, FlowRefusal>> {
  const all = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
  return new Promise((resolve) => {
    const socket = connect({
      host: target.host,
      port: target.port,
      lookup: pinned(all),
      autoSelectFamily: true,
      allowHalfOpen: true,
      noDelay: true,
    })
    const timer = setTimeout(() => {
      socket.destroy()
      resolve(err(localRefusal('target_timeout')))
    }, CONNECT_TIMEOUT_MS)
    socket.once('connect', () => {
      clearTimeout(timer)
      resolve(ok(socket))
    })
    // Stays for good: after the connection stands, whoever uses the socket listens as well.
    socket.on('error', (error) => {
      clearTimeout(timer)
      resolve(err(localRefusal(reasonOf(error))))
    })
  })
}

/** Answers with the addresses that were judged, whatever the name would give by now. */
function pinned(addresses: readonly ResolvedAddress[]): LookupFunction {
  return (_host, options, callback) => {
    const [first] = addresses
    if (options.all) callback(null, [...addresses])
    else callback(null, first?.address ?? '', first?.family)
  }
}

function reasonOf(error: unknown): LocalReason {
  if (error instanceof AggregateError) return reasonOf(error.errors[0])
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return REASONS[code] ?? 'target_unreachable'
}
