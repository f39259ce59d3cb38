/**
 * Sends one plain-HTTP request over a flow and its answer back. One flow carries one request: the next may go elsewhere.
 */
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { type ForwardRequest, forwardedHeaders } from './http-message.ts'

/** @param onFailed called when the next hop gave no answer; nothing has been sent to the client then. */
export function forwardRequest(
  request: IncomingMessage,
  response: ServerResponse,
  { path, host }: ForwardRequest,
  flow: Duplex,
  onFailed: () => void,
): void {
  const outgoing = http.request({
    createConnection: () => flow,
    method: request.method,
    path,
    setHost: false,
    headers: headerObject([
      ...forwardedHeaders(request.rawHeaders),
      ['Host', host],
      ['Connection', 'close'],
    ]),
  })
  outgoing.on('response', (incoming) => sendBack(incoming, response))
  outgoing.on('error', () => {
    if (response.headersSent) response.destroy()
    else onFailed()
  })
  response.on('close', () => flow.destroy())
  request.pipe(outgoing)
}

function sendBack(incoming: IncomingMessage, response: ServerResponse): void {
  response.writeHead(
    incoming.statusCode ?? 502,
    incoming.statusMessage,
    headerObject(forwardedHeaders(incoming.rawHeaders)),
  )
  incoming.pipe(response)
  // An answer cut short must not look complete.
  incoming.on('aborted', () => response.destroy())
}

/** node:http takes repeated fields as arrays; their order within a name is kept. */
function headerObject(pairs: readonly (readonly [string, string])[]): Record<string, string[]> {
  const headers: Record<string, string[]> = Object.create(null)
  for (const [name, value] of pairs) {
    const key = name.toLowerCase()
    headers[key] = [...(headers[key] ?? []), value]
  }
  return headers
}
