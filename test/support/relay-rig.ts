/** A relay core with a watch that keeps what it was told, and a session channel open on it. */
import type { SessionEvent } from '#lib/recording/session-event'
import { parseDestination } from '../../gateway/policy/destination.ts'
import {
  DEFAULT_SSH_GRANT,
  type ForwardDestination,
  type SshGrant,
} from '../../gateway/policy/ssh-grant.ts'
import { Grants } from '../../gateway/ssh/relay/grants.ts'
import { SshRelay } from '../../gateway/ssh/relay/relay.ts'
import { channelOpen, openConfirmation } from './ssh-messages.ts'

/** Numbers that each end gave to the open channel. */
export const USER = 3
export const TARGET = 7

export type RelayRig = {
  readonly relay: SshRelay
  readonly events: SessionEvent[]
  /** Data as told: channel, stream and octets in latin1. */
  readonly data: (readonly [channel: number, stream: string, octets: string])[]
  /** Octets that were told without their content. */
  readonly unrecorded: number[]
}

/** @param grant what is granted in place of the default. */
export function relayRig(grant: Partial<SshGrant> = {}): RelayRig {
  const events: SessionEvent[] = []
  const data: (readonly [number, string, string])[] = []
  const unrecorded: number[] = []
  const relay = new SshRelay(new Grants([{ ...DEFAULT_SSH_GRANT, ...grant }]), {
    event: (event) => events.push(event),
    data: (channel, stream, bytes) => data.push([channel, stream, bytes.toString('latin1')]),
    unrecorded: (_from, octets) => unrecorded.push(octets),
    asking: () => undefined,
  })
  return { relay, events, data, unrecorded }
}

/** One with a session channel open: `USER` on the user's side, `TARGET` on the target's. */
export function openRelayRig(
  options: {
    grant?: Partial<SshGrant>
    userWindow?: number | undefined
    targetWindow?: number | undefined
  } = {},
): RelayRig {
  const rig = relayRig(options.grant)
  rig.relay.take('user', channelOpen(USER, 'session', undefined, options.userWindow))
  rig.relay.take('target', openConfirmation(USER, TARGET, options.targetWindow))
  rig.events.length = 0
  return rig
}

/** Destinations of forwardings, as policy writes them. */
export function forwardsTo(...written: readonly string[]): ForwardDestination[] {
  return written.map((text) => {
    if (text.startsWith('unix:')) return { kind: 'unix', pattern: text.slice('unix:'.length) }
    const parsed = parseDestination(text)
    if ('wrong' in parsed) throw new Error(parsed.wrong)
    return { kind: 'tcp', destination: parsed.value }
  })
}
