/**
 * Asks the daemon over its control socket: one request, then progress lines, then a result or an error.
 */
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type {
  ControlReply,
  ControlRequest,
  ControlResult,
  LoginPrompt,
  WatchEvent,
} from '#lib/api/control-api'
import { err, ok, type Result } from '#lib/result'
import { type AskDaemon, type CliFailure, EXIT, type WatchDaemon } from './cli-io.ts'

/** @param controlPath path of the Unix socket. */
export function daemonAt(controlPath: string): AskDaemon {
  return async (request, onPrompt = () => {}) => {
    try {
      return await converse(connect(controlPath), request, { onPrompt })
    } catch (failure) {
      return err(noDaemon(controlPath, failure))
    }
  }
}

/** @param controlPath path of the Unix socket. */
export function watchDaemonAt(controlPath: string): WatchDaemon {
  return async (onEvent, signal) => {
    const socket = connect(controlPath)
    const stop = (): void => void socket.destroy()
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    try {
      await converse(socket, { method: 'watch' }, { onEvent })
      return signal.aborted ? ok(undefined) : err(noDaemon(controlPath, undefined))
    } catch (failure) {
      return signal.aborted ? ok(undefined) : err(noDaemon(controlPath, failure))
    }
  }
}

/** Who hears what comes before the answer. */
type Heard = {
  readonly onPrompt?: (prompt: LoginPrompt) => void
  readonly onEvent?: (event: WatchEvent) => void
}

async function converse(
  socket: Socket,
  request: ControlRequest,
  heard: Heard,
): Promise<Result<ControlResult, CliFailure>> {
  const failed = new Promise<never>((_, reject) => socket.on('error', reject))
  failed.catch(() => {})
  try {
    socket.write(`${JSON.stringify(request)}\n`)
    const lines = createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY })
    // A socket that is destroyed ends without saying so; whoever waits for a line would wait for ever.
    socket.once('close', () => lines.close())
    return await Promise.race([failed, readReplies(lines, heard)])
  } finally {
    socket.destroy()
  }
}

async function readReplies(
  lines: AsyncIterable<string>,
  { onPrompt, onEvent }: Heard,
): Promise<Result<ControlResult, CliFailure>> {
  for await (const line of lines) {
    const reply = JSON.parse(line) as ControlReply
    if (reply.type === 'progress') onPrompt?.(reply.prompt)
    if (reply.type === 'event') onEvent?.(reply.event)
    if (reply.type === 'result') return ok(reply.value)
    if (reply.type === 'error') {
      return err({ code: reply.code, message: reply.message, exitCode: exitCodeOf(reply.code) })
    }
  }
  return err({
    code: 'no_answer',
    message: 'The daemon closed the control socket without an answer; look at its log.',
    exitCode: EXIT.failed,
  })
}

/** What the daemon found wrong with what was typed. */
const WRONG_USAGE = new Set(['bad_url', 'bad_fingerprint'])

function exitCodeOf(code: string): number {
  if (WRONG_USAGE.has(code)) return EXIT.usage
  if (code === 'not_enrolled') return EXIT.notEnrolled
  if (code === 'gateway_unreachable') return EXIT.notReachable
  return EXIT.failed
}

function noDaemon(controlPath: string, failure: unknown): CliFailure {
  const code = failure instanceof Error && 'code' in failure ? String(failure.code) : ''
  if (code === 'EACCES' || code === 'EPERM') {
    return {
      code: 'control_forbidden',
      message: `The daemon at ${controlPath} serves another user.`,
      exitCode: EXIT.noDaemon,
    }
  }
  return {
    code: 'daemon_not_running',
    message: `No daemon answers at ${controlPath}. Start it with "zt-daemon run", or name its socket with --control.`,
    exitCode: EXIT.noDaemon,
  }
}
