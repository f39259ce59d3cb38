/** Hands what the gateway tells unasked to those who show it. */
import type { Log } from '#lib/log'
import type { TunnelEvents } from '../tunnel/tunnel.ts'
import type { Told } from './told.ts'

type Heard = Pick<
  TunnelEvents,
  'onWelcome' | 'onPrompt' | 'onPromptEnded' | 'onNotice' | 'onFlowsLost'
>

export function hearing(told: Told, log: Log): Heard {
  return {
    onWelcome: told.welcomed,
    onPrompt(prompt) {
      const { promptId, application, reason } = prompt
      const taken = told.prompt(prompt)
      if (taken.ok) log.info({ promptId, application, reason }, 'prompt')
      else log.warn({ promptId, application, reason: taken.error }, 'prompt refused')
    },
    onPromptEnded: told.promptEnded,
    onNotice({ reason, sentence }) {
      log.info({ reason }, 'notice of the gateway')
      told.notice(reason, sentence)
    },
    onFlowsLost({ reason, flows }) {
      log.warn({ reason, flows }, 'flows ended with their connection')
      const what = flows === 1 ? 'A connection' : `${flows} connections`
      told.notice('tunnel_lost', `${what} ended: the tunnel that carried them is dead (${reason}).`)
    },
  }
}
