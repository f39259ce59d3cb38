/**
 * A bare HTTPS server on a free port.
 */
import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'

export async function startHttps(
  identity: { readonly certPem: string; readonly keyPem: string },
  handler: RequestListener,
  host = '127.0.0.1',
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = createServer({ cert: identity.certPem, key: identity.keyPem }, handler)
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const { port } = server.address() as AddressInfo
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return { url: `https://${host}:${port}`, close }
}
