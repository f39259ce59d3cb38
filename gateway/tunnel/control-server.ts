/**
 * Control streams: one live stream per device, on which the daemon asks and the gateway tells.
 * A second stream of the same device closes the first one, and says so: two machines share a certificate, or the
 * daemon came back before its old connection was noticed to be dead.
 */
import type { Duplex } from 'node:stream'
import type { Log } from '#lib/log'
import { createDaemonDecoder, type Incoming } from '#lib/wire/control-codec'
import type { DaemonMessage } from '#lib/wire/control-message'
import type { PromptEnd, PromptNotice } from '#lib/wire/prompt-message'
import {
  type AnswerDeps,
  answer,
  checkpointMessage,
  greet,
  promptMessage,
  whoIs,
} from './control-answers.ts'
import { type ControlStream, openControlStream } from './control-stream.ts'
import { settingsIn } from './device-settings.ts'
import type { TunnelPeer } from './incoming.ts'
import { createQuestionQueue } from './question-queue.ts'

export type ControlServerDeps = AnswerDeps & {
  readonly log: Log
  readonly helloTimeoutMs?: number
}

export interface ControlServer {
  /** Takes a control stream that was answered 200. */
  readonly onControl: (peer: TunnelPeer, stream: Duplex) => void
  /** Sends the settings anew to every daemon: the policy changed. */
  pushSettings(): void
  /** Tells every daemon a newer checkpoint. */
  readonly pushCheckpoint: (checkpoint: string) => void
  /** Tells a device something; nothing happens when it is not connected. */
  notify(deviceId: string, reason: string, sentence: string): void
  /** Asks the user of a device for something; as `notify`. */
  prompt(deviceId: string, prompt: PromptNotice): void
  promptEnded(deviceId: string, end: PromptEnd): void
}

const HELLO_TIMEOUT_MS = 10_000
/** Questions of one stream that may wait for an answer. */
const QUESTION_LIMIT = 64
export function createControlServer(deps: ControlServerDeps): ControlServer {
  const live = new Map<string, ControlStream>()

  function enter(stream: ControlStream): void {
    const { deviceId } = stream.peer.leaf
    live.get(deviceId)?.close('device_duplicate', 'This device connected a second time.')
    live.set(deviceId, stream)
  }
  function leave(stream: ControlStream): void {
    const { deviceId } = stream.peer.leaf
    if (live.get(deviceId) === stream) live.delete(deviceId)
  }

  return {
    onControl: (peer, stream) => serveControl(peer, stream, deps, { enter, leave }),
    pushSettings() {
      for (const stream of live.values()) {
        const who = whoIs(stream.peer, deps)
        if (who === undefined) continue
        const settings = settingsIn(stream.version, deps.settings(who.user, who.device.id))
        stream.send({ type: 'settings', id: 'settings', settings })
      }
    },
    pushCheckpoint(checkpoint) {
      for (const stream of live.values()) stream.send(checkpointMessage(checkpoint))
    },
    notify: (deviceId, reason, sentence) =>
      live.get(deviceId)?.send({ type: 'notice', id: 'notice', reason, sentence }),
    prompt: (deviceId, prompt) => live.get(deviceId)?.send(promptMessage(prompt)),
    promptEnded: (deviceId, end) =>
      live.get(deviceId)?.send({ type: 'prompt_ended', id: 'prompt', ...end }),
  }
}

type Registry = { enter(stream: ControlStream): void; leave(stream: ControlStream): void }

function serveControl(
  peer: TunnelPeer,
  stream: Duplex,
  deps: ControlServerDeps,
  registry: Registry,
): void {
  const self = openControlStream(peer, stream)
  const questions = createQuestionQueue(QUESTION_LIMIT)
  let isGreeted = false
  const timer = setTimeout(
    () => self.close('no_hello', 'No hello came.'),
    deps.helloTimeoutMs ?? HELLO_TIMEOUT_MS,
  )
  const take = (incoming: Incoming<DaemonMessage>): void => {
    if (!isGreeted) {
      clearTimeout(timer)
      isGreeted = greet(incoming, self, deps)
      if (isGreeted) registry.enter(self)
    } else if (!questions.add(() => answer(incoming, self, deps).catch(failed))) {
      self.close('too_many_questions', 'Too many questions wait for an answer.')
    }
  }
  const failed = (error: unknown): void => {
    deps.log.error({ deviceId: peer.leaf.deviceId, error: String(error) }, 'question failed')
    self.close('internal_error', 'The gateway could not answer.')
  }
  const decoder = createDaemonDecoder()
  stream.on('data', (chunk: Buffer) => {
    const { incoming, error } = decoder.push(chunk)
    for (const one of incoming) if (!stream.writableEnded) take(one)
    if (error === undefined || stream.writableEnded) return
    const { deviceId } = peer.leaf
    deps.log.warn({ deviceId, ...error }, 'control stream broken')
    self.close(error.reason, 'The control stream is broken.')
  })
  stream.on('error', () => undefined)
  stream.once('end', () => stream.end())
  stream.once('close', () => {
    clearTimeout(timer)
    registry.leave(self)
  })
}
