/** What a program inside wants, asked of the daemon outside: flows and names, each by a connection to its control socket. */
import { connect, type Socket } from 'node:net'
import type { ControlReply, ControlRequest, OpenFlowRequest } from '#lib/api/control-api'
import { writeAnswer } from '#lib/dns/answer-writer'
import { RCODE } from '#lib/dns/codes'
import { readQuery } from '#lib/dns/query'
import { err, ok, type Result } from '#lib/result'
import { capsuleStreamOn } from '#lib/tunnel/capsule-stream-os'
import { datagramsOn } from '#lib/tunnel/datagram-flow'
import type { FlowRefusal, FlowTarget, OnGone } from '#lib/tunnel/tunnel-connection'
import type { AnswerQuery } from '../dns/resolver.ts'
import { createMessageReader } from '../listen/message-reader-server.ts'
import type { OpenDatagrams, OpenFlow } from '../listen/open-flow.ts'
import type { Incomplete } from '../listen/socks5-message.ts'

export type DaemonFlows = {
  readonly openFlow: OpenFlow
  readonly openDatagrams: OpenDatagrams
  readonly answerQuery: AnswerQuery
}

/** @param controlPath of the daemon; a pathname, which crosses network namespaces. */
export function createDaemonFlows(controlPath: string, onlyPrivate: boolean): DaemonFlows {
  const open = async (
    transport: OpenFlowRequest['transport'],
    target: FlowTarget,
    onGone: OnGone | undefined,
  ): Promise<Result<Socket, FlowRefusal>> => {
    const socket = connect({ path: controlPath })
    socket.on('error', () => socket.destroy())
    onGone?.(() => socket.destroy())
    socket.write(line({ method: 'open', transport, onlyPrivate, ...target }))
    return answerTo(socket).catch(() => err(NO_DAEMON))
  }
  return {
    openFlow: async (target, _claims, onGone) => {
      const opened = await open('tcp', target, onGone)
      return opened.ok ? ok(capsuleStreamOn(opened.value)) : opened
    },
    openDatagrams: async (transport, target, _claims, onGone) => {
      const opened = await open(transport, target, onGone)
      return opened.ok ? ok(datagramsOn(opened.value, setImmediate)) : opened
    },
    answerQuery: async (query, via) => {
      const asked = Buffer.from(query).toString('base64url')
      const request = { method: 'resolve', query: asked, via, onlyPrivate } as const
      const reply = await ask(controlPath, request).catch(() => undefined)
      return reply === undefined ? failure(query) : answerIn(reply)
    },
  }
}

async function answerTo(socket: Socket): Promise<Result<Socket, FlowRefusal>> {
  const reader = createMessageReader(socket)
  const read = await reader.read(parseReply)
  reader.release()
  if (!read?.ok) return err(NO_DAEMON)
  const { reply } = read.value
  if (reply.type !== 'result' || reply.value.method !== 'open') return err(NO_DAEMON)
  const { refusal } = reply.value
  if (refusal === undefined) return ok(socket)
  socket.destroy()
  return err(refusal)
}

/** Programs hear nothing more exact than a reset. */
const NO_DAEMON: FlowRefusal = { status: 503, reason: 'not_running' }

async function ask(path: string, request: ControlRequest): Promise<ControlReply> {
  const socket = connect({ path })
  // Not half-closed: the daemon would close the rest before an answer that takes a moment.
  socket.write(line(request))
  const reply = await firstLine(socket).finally(() => socket.destroy())
  return JSON.parse(reply) as ControlReply
}

function firstLine(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ''
    socket.setEncoding('utf8').on('data', (part) => {
      said += part
      if (said.endsWith('\n')) resolve(said)
    })
    socket.on('error', reject).on('close', () => reject(new Error('the daemon has left')))
  })
}

function answerIn(reply: ControlReply): Uint8Array | undefined {
  if (reply.type !== 'result' || reply.value.method !== 'resolve') return undefined
  return reply.value.answer === undefined ? undefined : Buffer.from(reply.value.answer, 'base64url')
}

/** Without a daemon programs hear so at once. */
function failure(query: Uint8Array): Uint8Array | undefined {
  const read = readQuery(query)
  return read?.ok ? writeAnswer(read.value, { rcode: RCODE.SERVFAIL }) : undefined
}

function line(request: ControlRequest): string {
  return `${JSON.stringify(request)}\n`
}

const LINE_FEED = 0x0a

function parseReply(
  input: Uint8Array,
): Result<{ readonly size: number; readonly reply: ControlReply }, Incomplete> {
  const end = input.indexOf(LINE_FEED)
  if (end === -1) return err({ reason: 'incomplete', need: input.length + 1 })
  const reply = JSON.parse(Buffer.from(input.subarray(0, end)).toString()) as ControlReply
  return ok({ size: end + 1, reply })
}
