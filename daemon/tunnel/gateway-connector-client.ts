/** Connects to the gateway with the newest credentials, and with the TLS ticket that belongs to them. */
import { X509Certificate } from 'node:crypto'
import { err, type Result } from '#lib/result'
import type { TunnelConnection } from '#lib/tunnel/tunnel-connection'
import { momentNow } from '../moment-os.ts'
import { connectHttp2, type Http2Timing } from './http2-client.ts'
import type { TunnelClientOptions, TunnelCredentials } from './tunnel.ts'

export interface GatewayConnector {
  /** @param signal gives the attempt up. */
  connect(signal?: AbortSignal): Promise<Result<TunnelConnection, { readonly reason: string }>>
  /** For all attempts from now on. */
  use(credentials: TunnelCredentials): void
}

export function createGatewayConnector(
  options: Pick<TunnelClientOptions, 'gateway' | 'credentials' | 'dial'>,
  timing: Partial<Http2Timing>,
): GatewayConnector {
  const { gateway, dial } = options
  let { credentials } = options
  let ticket: Buffer | undefined
  return {
    async connect(signal) {
      const used = credentials
      const connected = await connectHttp2({
        ...{ gateway, dial, timing, credentials: used, now: momentNow },
        ...(signal && { signal }),
        ...(ticket && { ticket }),
        onTicket: (bytes) => {
          if (used === credentials) ticket = bytes
        },
      })
      // A ticket that the gateway no longer takes must not be tried for ever.
      if (!connected.ok) ticket = undefined
      // The gateway ends the handshake of an expired certificate without a word.
      return connected.ok || !isExpired(used) ? connected : err({ reason: 'device_expired' })
    },
    use(newer) {
      credentials = newer
      ticket = undefined
    },
  }
}

function isExpired({ certificate }: TunnelCredentials): boolean {
  return Date.parse(new X509Certificate(certificate).validTo) <= Date.now()
}
