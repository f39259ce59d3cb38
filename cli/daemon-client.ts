/**
 * Asks the daemon over its control socket: one request, then progress lines, then a result or an error.
 */
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import type { ControlReply, ControlRequest, ControlResult, LoginPrompt } from '#lib/api/control-api'
import { err, ok, type Result } from '#lib/result'
import { type AskDaemon, type CliFailure, EXIT } from './cli-io.ts'

/** @param controlPath path of the Unix socket. */
export function daemonAt(controlPath: string): AskDaemon {
  return async (request, onPrompt = () => {}) => {
    try {
      return await converse(controlPath, request, onPrompt)
    } catch (failure) {
      return err(noDaemon(controlPath, failure))
    }
  }
}

async function converse(
  controlPath: string,
  request: ControlRequest,
  onPrompt: (prompt: LoginPrompt) => void,
): Promise<Result<ControlResult, CliFailure>> {
  const socket = connect(controlPath)
  const failed = new Promise<never>((_, reject) => socket.on('error', reject))
  failed.catch(() => {})
  try {
    socket.write(`${JSON.stringify(request)}\n`)
    const lines = createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY })
    return await Promise.race([failed, readReplies(lines, onPrompt)])
  } finally {
    socket.destroy()
  }
}

async function readReplies(
  lines: AsyncIterable<string>,
  onPrompt: (prompt: LoginPrompt) => void,
): Promise<Result<ControlResult, CliFailure>> {
  for await (const line of lines) {
    const reply = JSON.parse(line) as ControlReply
    if (reply.type === 'progress') onPrompt(reply.prompt)
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

function exitCodeOf(code: string): number {
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
