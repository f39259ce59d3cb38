/**
 * The control socket for `zt`: a Unix socket of the owner, JSON lines, one request at a time. Who asks is the kernel's
 * word; every field is untrusted. There is no control over TCP.
 */
import net, { type Socket } from 'node:net'
import type {
  ControlReply,
  ControlRequest,
  ControlResult,
  LoginPrompt,
  OpenFlowRequest,
  WatchEvent,
} from '#lib/api/control-api'
import {
  CONTROL_LINE_LIMIT_BYTES,
  decodeControlRequest,
  encodeControlReply,
} from '#lib/api/control-codec'
import type { Log } from '#lib/log'
import { ok, type Result } from '#lib/result'
import { createLineCutter } from '#lib/wire/line-cutter'
import { bindControlSocket, type SocketPlace, type SocketRefusal } from './control-socket-os.ts'

/** Why a request failed: a stable code, and a sentence with cause and remedy. */
export type ControlFailure = { readonly code: string; readonly message: string }

/** Who asks, and how to speak to them meanwhile. */
export type ControlCaller = {
  readonly uid: number
  readonly onPrompt: (prompt: LoginPrompt) => void
  readonly onEvent: (event: WatchEvent) => void
  /** Aborted when the caller went away. */
  readonly signal: AbortSignal
}

export type HandleControl = (
  request: Exclude<ControlRequest, OpenFlowRequest>,
  caller: ControlCaller,
) => Promise<Result<ControlResult, ControlFailure>>

/** Takes a connection over that becomes a flow: opens it, answers, carries. */
export type CarryFlow = (socket: Socket, request: OpenFlowRequest) => void

export type ControlServerOptions = SocketPlace & {
  readonly handle: HandleControl
  readonly carry: CarryFlow
  readonly log: Log
  /** Callers at once; default 5120: every `zt ssh` that runs watches for prompts, and flows are 4096 at most. */
  readonly connectionLimit?: number
}

export interface ControlServer {
  close(): Promise<void>
}

const CONNECTION_LIMIT = 5120
const LINE_FEED = 0x0a
/** How long a caller may take for a request, and stay silent after an answer. */
const SILENCE_MS = 30_000
/** Octets of events that may wait for a caller who does not read. */
const UNREAD_LIMIT = 256 * 1024

/** Opens the socket. @throws {Error} when the path cannot be used. */
export async function startControlServer(
  options: ControlServerOptions,
): Promise<Result<ControlServer, SocketRefusal>> {
  const { ownerUid, daemonUid, log } = options
  const open = new Set<Socket>()
  const server = net.createServer((socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    const uid = place.ok ? place.value(socket) : undefined
    if (uid === ownerUid || uid === daemonUid) return serve(socket, uid, options)
    log.warn({ uid: uid ?? 'unknown', reason: 'other_user' }, 'control refused')
    socket.destroy()
  })
  server.maxConnections = options.connectionLimit ?? CONNECTION_LIMIT
  const place = await bindControlSocket(server, options)
  if (!place.ok) return place
  return ok({
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of open) socket.destroy()
      await closed
    },
  })
}

function serve(socket: Socket, uid: number, options: ControlServerOptions): void {
  const cutter = createLineCutter(CONTROL_LINE_LIMIT_BYTES)
  const gone = new AbortController()
  socket.on('error', () => socket.destroy())
  socket.on('close', () => gone.abort())
  socket.setTimeout(SILENCE_MS, () => socket.destroy())
  socket.on('data', (chunk) => {
    const { lines, overflow } = cutter.push(chunk)
    // One at a time: what comes while we answer stays in the kernel.
    socket.pause()
    const isAlone = lines.length === 1 && chunk.at(-1) === LINE_FEED
    answerAll(lines, socket, { uid, signal: gone.signal, isAlone }, options)
      .then((isTaken) => {
        if (overflow) refuse(socket, 'line_too_long')
        else if (!isTaken) socket.resume()
      })
      .catch((error: unknown) => {
        options.log.error({ error: String(error) }, 'control request failed')
        socket.destroy()
      })
  })
}

/** `isAlone`: nothing came behind the line. */
type Asking = Pick<ControlCaller, 'uid' | 'signal'> & { readonly isAlone: boolean }

/** @returns whether the connection has become a flow. */
async function answerAll(
  lines: readonly Uint8Array[],
  socket: Socket,
  { isAlone, ...caller }: Asking,
  options: ControlServerOptions,
): Promise<boolean> {
  for (const line of lines) {
    const request = decodeControlRequest(line)
    if (!request.ok) {
      options.log.warn({ reason: request.error.reason, uid: caller.uid }, 'control request refused')
      refuse(socket, request.error.reason, request.error.detail)
      return false
    }
    if (request.value.method === 'open') return become(socket, request.value, isAlone, options)
    // A login waits for a person; the time for silence runs again after the answer.
    socket.setTimeout(0)
    if (request.value.method === 'watch') watchForEnd(socket)
    const result = await options.handle(request.value, {
      ...caller,
      onPrompt: (prompt) => write(socket, { type: 'progress', prompt }),
      onEvent: (event) => write(socket, { type: 'event', event }),
    })
    write(
      socket,
      result.ok ? { type: 'result', value: result.value } : { type: 'error', ...result.error },
    )
    socket.setTimeout(SILENCE_MS)
  }
  return false
}

function become(
  socket: Socket,
  request: OpenFlowRequest,
  isAlone: boolean,
  { carry }: ControlServerOptions,
): boolean {
  if (!isAlone) {
    refuse(socket, 'bad_request', 'Nothing is sent before the answer.')
    return false
  }
  socket.setTimeout(0).removeAllListeners('data')
  carry(socket, request)
  return true
}

/** Whoever watches says nothing more: what comes is the end, and must be seen at once. */
function watchForEnd(socket: Socket): void {
  socket.removeAllListeners('data')
  socket.on('data', () => socket.destroy())
  socket.resume()
}

function write(socket: Socket, reply: ControlReply): void {
  if (socket.writableLength > UNREAD_LIMIT) socket.destroy()
  else if (socket.writable) socket.write(encodeControlReply(reply))
}

/** After a line that was not understood the rest is not either. */
function refuse(socket: Socket, code: string, detail = 'The request is too long.'): void {
  socket.end(encodeControlReply({ type: 'error', code, message: detail }))
  socket.resume()
}
