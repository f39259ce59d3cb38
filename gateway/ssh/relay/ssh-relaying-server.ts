/** Joins two authenticated legs by the relay core: carries out its actions, and lets nobody send faster than the other reads. */
import type { Recorder } from '../../recording/recorder.ts'
import type { SshHops } from '../ssh-hops-server.ts'
import type { SshLeg } from '../transport/ssh-leg-server.ts'
import type { ReceivedPacket } from '../transport/transport-types.ts'
import type { SshRelay } from './relay.ts'
import type { ProtocolBreach, RelayAction } from './relay-action.ts'
import { otherSide, type Side } from './side.ts'
import { UserInput } from './user-input.ts'

export type Legs = Readonly<Record<Side, SshLeg>>

/** Begins to relay. @returns by what the user's messages are held back. @param onBreach told when a side broke the protocol; who holds the legs then ends them. */
export function relayLegs(
  legs: Legs,
  relay: SshRelay,
  recorder: Recorder | undefined,
  hops: Pick<SshHops, 'begin' | 'progress'>,
  onBreach: (side: Side, reason: ProtocolBreach) => void,
): UserInput {
  const passerOf = (from: Side) => {
    const other = legs[otherSide(from)]
    return (packet: ReceivedPacket): void => {
      const taken = relay.take(from, packet.payload)
      const action = taken.kind === 'hop' ? hops.begin(taken, packet.payload) : taken
      if (action.kind === 'end') onBreach(from, action.reason)
      else carryOut(action, packet, legs, other)
    }
  }
  const input = new UserInput(passerOf('user'))
  legs.user.onPacket = (packet) => input.take(packet)
  legs.target.onPacket = passerOf('target')
  const balance = (): void => {
    hops.progress()
    legs.user.setReading(!input.isFull && mayRead(legs.user, legs.target, recorder))
    legs.target.setReading(mayRead(legs.target, legs.user, recorder))
  }
  legs.user.onProgress = balance
  legs.target.onProgress = balance
  if (recorder !== undefined) recorder.onDrain = balance
  return input
}

function carryOut(
  action: Exclude<RelayAction, { readonly kind: 'end' }>,
  packet: ReceivedPacket,
  legs: Legs,
  other: SshLeg,
): void {
  switch (action.kind) {
    case 'forward':
      other.transport.forward(packet)
      break
    case 'send':
      for (const { to, payload } of action.messages) legs[to].transport.send(payload)
      break
    case 'drop':
    case 'hop':
      break
  }
}

/**
 * Two full legs that both exchange keys would wait for each other for ever: each one's queue is released by what the
 * other end sends, which is read only here.
 */
export function mayRead(
  leg: Pick<SshLeg, 'transport'>,
  other: Pick<SshLeg, 'transport'>,
  recorder?: Recorder,
): boolean {
  if (recorder?.backlogged === true) return false
  const bothExchange = leg.transport.exchangingKeys && other.transport.exchangingKeys
  return !other.transport.backlogged || bothExchange
}
