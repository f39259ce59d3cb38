/**
 * Small HTTPS exchanges with the login origin: bounded in time and size, certificate always checked unless said.
 */
import type { Agent } from 'node:http'
import { request } from 'node:https'

const TIMEOUT_MS = 15_000
const ANSWER_LIMIT_BYTES = 64 * 1024

/** One exchange. */
export type HttpsCall = {
  readonly url: URL
  /** JSON body; absent means GET. */
  readonly body?: unknown
  /** Sent along; never logged. */
  readonly headers?: Readonly<Record<string, string>>
  /** CA that vouches for the origin, PEM; the system's CAs otherwise. */
  readonly ca?: string
  /** A way through an upstream proxy. */
  readonly agent?: Agent
  /**
   * DANGER: takes any certificate. Only for fetching a CA that is then compared with a printed fingerprint.
   */
  readonly acceptAnyCertificate?: boolean
}

/** @throws {Error} when the origin cannot be reached, or its certificate is not vouched for. */
export function exchange(call: HttpsCall): Promise<{ status: number; body: string }> {
  const payload = call.body === undefined ? undefined : JSON.stringify(call.body)
  return new Promise((resolve, reject) => {
    const sent = request(call.url, {
      method: payload === undefined ? 'GET' : 'POST',
      timeout: TIMEOUT_MS,
      rejectUnauthorized: call.acceptAnyCertificate !== true,
      ...(call.ca === undefined ? {} : { ca: call.ca }),
      ...(call.agent === undefined ? {} : { agent: call.agent }),
      headers: {
        ...call.headers,
        ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
      },
    })
    sent.on('timeout', () => sent.destroy(new Error('no answer in time')))
    sent.on('error', reject)
    sent.on('response', (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (text: string) => {
        body += text
        if (body.length > ANSWER_LIMIT_BYTES) sent.destroy(new Error('the answer is too large'))
      })
      response.on('error', reject)
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
    })
    sent.end(payload)
  })
}

/** What a body says; undefined for what is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
