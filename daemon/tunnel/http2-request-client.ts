/** Requests on one HTTP/2 session: the verdict on a flow, the control stream, small posts. */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2'
import type { Duplex } from 'node:stream'
import { err, ok, type Result } from '#lib/result'
import type { FlowRefusal, OnGone } from '#lib/tunnel/tunnel-connection'
import { refusalOf } from './flow-request.ts'

/** Longest answer to a post, octets: a DNS message as base64url, and what is around it. */
const ANSWER_LIMIT = 96 * 1024

/** Waits for the answer to a CONNECT; never rejects. */
export function verdict(
  stream: ClientHttp2Stream,
  verdictMs: number,
  onGone?: OnGone,
): Promise<Result<Duplex, FlowRefusal>> {
  return new Promise((resolve) => {
    let isOpen = false
    let reason = 'connection_lost'
    const giveUp = (): void => {
      if (isOpen) return
      reason = 'given_up'
      stream.close(constants.NGHTTP2_CANCEL)
    }
    const timer = setTimeout(giveUp, verdictMs)
    onGone?.(giveUp)
    // Stays on: a stream that is reset later errors, and its owner learns it from `close` or its own listener.
    stream.on('error', () => undefined)
    stream.once('close', () => {
      clearTimeout(timer)
      const isUnseen = stream.rstCode === constants.NGHTTP2_REFUSED_STREAM
      resolve(err({ status: 503, reason: isUnseen ? 'gateway_draining' : reason }))
    })
    stream.once('response', (headers: IncomingHttpHeaders & { ':status'?: number }) => {
      clearTimeout(timer)
      const status = headers[':status'] ?? 0
      if (status === 200) {
        isOpen = true
        resetOnDestroy(stream)
        resolve(ok(stream))
        return
      }
      resolve(err(refusalOf(status, headers['proxy-status'])))
      // Ended, not closed: node:http2 would send RST_STREAM, of which a gateway takes only so many.
      stream.end()
      stream.resume()
    })
  })
}

/**
 * A stream that is destroyed before its end is reset with an error code. node:http2 alone would send END_STREAM or
 * NO_ERROR, which reads as an orderly end: a truncated upload would look whole to the target.
 */
function resetOnDestroy(stream: ClientHttp2Stream): void {
  const destroy = stream.destroy.bind(stream)
  stream.destroy = (error?: Error) => {
    // Closed already: both ends said END_STREAM, or a reset has been sent or received.
    return destroy(error ?? (stream.closed ? undefined : new Error('flow given up')))
  }
}

function request(session: ClientHttp2Session, path: string): ClientHttp2Stream {
  return session.request(
    { ':method': 'POST', ':path': path, 'content-type': 'application/json' },
    { endStream: false },
  )
}

/** @throws {Error} with a `reason` when the gateway does not take the stream. */
export function openControl(session: ClientHttp2Session, timeoutMs: number): Promise<Duplex> {
  const stream = request(session, '/control')
  return responseOf(stream, timeoutMs).then((status) => {
    if (status === 200) return stream
    stream.close()
    throw Object.assign(new Error(`control stream answered ${status}`), { reason: 'unsupported' })
  })
}

/** @throws {Error} with a `reason` when there is no answer, or one over `ANSWER_LIMIT`. */
export async function post(
  session: ClientHttp2Session,
  path: string,
  body: string,
  timeoutMs: number,
) {
  const stream = request(session, path)
  stream.end(body)
  const status = await responseOf(stream, timeoutMs)
  const timer = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), timeoutMs)
  try {
    const chunks: Buffer[] = []
    let length = 0
    for await (const chunk of stream) {
      length += chunk.length
      if (length > ANSWER_LIMIT) throw new Error(`answer to ${path} is over ${ANSWER_LIMIT} octets`)
      chunks.push(chunk)
    }
    return { status, body: Buffer.concat(chunks).toString('utf8') }
  } finally {
    clearTimeout(timer)
  }
}

function responseOf(stream: ClientHttp2Stream, timeoutMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = () =>
      reject(Object.assign(new Error('no answer on the tunnel'), { reason: 'connection_lost' }))
    const timer = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), timeoutMs)
    stream.on('error', () => undefined)
    stream.once('close', () => {
      clearTimeout(timer)
      fail()
    })
    stream.once('response', (headers: IncomingHttpHeaders & { ':status'?: number }) => {
      clearTimeout(timer)
      resolve(headers[':status'] ?? 0)
    })
  })
}
