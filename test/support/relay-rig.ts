/** A relay core with a watch that keeps what it was told, and a session channel open on it. */
import type { SessionEvent } from '#lib/recording/session-event'
import { DEFAULT_VERBS } from '../../gateway/ssh/policy-verbs.ts'
import { SshRelay } from '../../gateway/ssh/relay.ts'
import type { SshVerb } from '../../gateway/ssh/request-rules.ts'
import { channelOpen, openConfirmation } from './ssh-messages.ts'

/** Numbers that each end gave to the open channel. */
export const USER = 3
export const TARGET = 7

export type RelayRig = {
  readonly relay: SshRelay
  readonly events: SessionEvent[]
  /** Data as told: channel, stream and octets in latin1. */
  readonly data: (readonly [channel: number, stream: string, octets: string])[]
}

export function relayRig(verbs: ReadonlySet<SshVerb> = DEFAULT_VERBS): RelayRig {
  const events: SessionEvent[] = []
  const data: (readonly [number, string, string])[] = []
  const relay = new SshRelay(verbs, {
    event: (event) => events.push(event),
    data: (channel, stream, bytes) => data.push([channel, stream, bytes.toString('latin1')]),
  })
  return { relay, events, data }
}

/** One with a session channel open: `USER` on the user's side, `TARGET` on the target's. */
export function openRelayRig(
  options: { verbs?: ReadonlySet<SshVerb>; userWindow?: number; targetWindow?: number } = {},
): RelayRig {
  const rig = relayRig(options.verbs)
  rig.relay.take('user', channelOpen(USER, 'session', undefined, options.userWindow))
  rig.relay.take('target', openConfirmation(USER, TARGET, options.targetWindow))
  rig.events.length = 0
  return rig
}
