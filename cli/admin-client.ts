/**
 * Calls the admin API over HTTPS with the administrator's bearer secret.
 */
import { readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { err, ok, type Result } from '#lib/result'
import { createLineCutter } from '#lib/wire/line-cutter'
import { BROKEN_OFF, BrokenOffError } from './admin-answer.ts'
import { type AdminApi, type CliFailure, EXIT } from './cli-io.ts'
import { readSecretFile } from './secret-file-os.ts'

/** Where the admin API is and how to get in; from options and environment, all optional until used. */
export type AdminSettings = {
  readonly url?: string
  /** PEM file of the CA that vouches for it; the system's CAs otherwise. */
  readonly caFile?: string
  /** The secret itself (ZT_ADMIN_TOKEN). */
  readonly token?: string
  /** A file with the secret, mode 0600. */
  readonly tokenFile?: string
}

const TIMEOUT_MS = 15_000
const ANSWER_LIMIT_BYTES = 64 * 1024 * 1024

/** The admin API at these settings; what is missing is said when it is first used. */
export function adminAt(settings: AdminSettings): AdminApi {
  return {
    getJson: (path) => jsonOf(call(settings, path)),
    postJson: (path, body) => jsonOf(call(settings, path, JSON.stringify(body))),
    getBytes: async (path) => {
      const response = await call(settings, path)
      return response.ok ? ok(whole(response.value)) : response
    },
    lines: async (path, { body, signal } = {}) => {
      const text = body === undefined ? undefined : JSON.stringify(body)
      const response = await call(settings, path, text, signal)
      return response.ok ? ok(linesOf(response.value)) : response
    },
  }
}

async function jsonOf(
  called: Promise<Result<IncomingMessage, CliFailure>>,
): Promise<Result<unknown, CliFailure>> {
  const response = await called
  const text = response.ok ? await readAll(response.value) : response
  return text.ok ? parseJson(text.value) : text
}

function fail(code: string, message: string, exitCode: number = EXIT.failed) {
  return err<CliFailure>({ code, message, exitCode })
}

function secretOf({ token, tokenFile }: AdminSettings): Result<string, CliFailure> {
  if (token !== undefined && token !== '') return ok(token.trim())
  if (tokenFile === undefined) {
    return fail(
      'no_admin_token',
      'Set ZT_ADMIN_TOKEN, or name a file with --admin-token-file.',
      EXIT.usage,
    )
  }
  return readSecretFile(tokenFile)
}

/** With a body it is a POST. */
async function call(
  settings: AdminSettings,
  path: string,
  body?: string,
  signal?: AbortSignal,
): Promise<Result<IncomingMessage, CliFailure>> {
  const secret = secretOf(settings)
  if (!secret.ok) return secret
  if (settings.url === undefined) {
    return fail(
      'no_admin_url',
      'Set ZT_ADMIN_URL, or name the admin origin with --admin-url.',
      EXIT.usage,
    )
  }
  try {
    const sent = { secret: secret.value, body, signal }
    const response = await send(new URL(path, settings.url), settings, sent)
    return response.statusCode === 200 ? ok(response) : err(await refusal(response))
  } catch (failure) {
    const cause = failure instanceof Error ? failure.message : String(failure)
    return fail('admin_unreachable', `${settings.url} does not answer: ${cause}`, EXIT.notReachable)
  }
}

type Sent = {
  readonly secret: string
  readonly body: string | undefined
  readonly signal: AbortSignal | undefined
}

function send(
  url: URL,
  settings: AdminSettings,
  { secret, body, signal }: Sent,
): Promise<IncomingMessage> {
  const ca = settings.caFile === undefined ? {} : { ca: readFileSync(settings.caFile) }
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      ...ca,
      ...(signal !== undefined && { signal }),
      timeout: TIMEOUT_MS,
      // A connection that was kept may be closed by the gateway in the moment it is used again.
      agent: false,
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        authorization: `Bearer ${secret}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
    })
    sent.on('response', resolve)
    sent.on('timeout', () => sent.destroy(new Error('no answer in time')))
    sent.on('error', reject)
    sent.end(body)
  })
}

/** @throws {BrokenOffError} when the answer ends before its end, from the iterable. */
async function* whole(response: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    yield* response
  } catch {
    throw new BrokenOffError()
  }
}

/** Longest line that is taken, octets. */
const LINE_LIMIT_BYTES = 16 * 1024 * 1024

async function* linesOf(response: AsyncIterable<Uint8Array>): AsyncGenerator<unknown> {
  const cutter = createLineCutter(LINE_LIMIT_BYTES)
  for await (const chunk of response) {
    const { lines, overflow } = cutter.push(chunk)
    for (const line of lines) yield JSON.parse(Buffer.from(line).toString('utf8'))
    if (overflow) throw new Error('a line of the answer is too long')
  }
}

async function readAll(response: IncomingMessage): Promise<Result<string, CliFailure>> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > ANSWER_LIMIT_BYTES) return fail('bad_answer', 'The answer is larger than 64 MiB.')
      chunks.push(chunk)
    }
  } catch {
    return err(BROKEN_OFF)
  }
  return ok(Buffer.concat(chunks).toString('utf8'))
}

function parseJson(text: string): Result<unknown, CliFailure> {
  try {
    return ok(JSON.parse(text) as unknown)
  } catch {
    return fail('bad_answer', 'The admin API answered with something that is not JSON.')
  }
}

async function refusal(response: IncomingMessage): Promise<CliFailure> {
  const text = await readAll(response)
  const body = text.ok ? parseJson(text.value) : text
  const { error } = (body.ok ? body.value : {}) as { error?: { code?: string; message?: string } }
  const denied = response.statusCode === 401 || response.statusCode === 403
  return {
    code: error?.code ?? `http_${response.statusCode}`,
    message: error?.message ?? `The admin API answered ${response.statusCode}.`,
    exitCode: denied ? EXIT.denied : EXIT.failed,
  }
}
