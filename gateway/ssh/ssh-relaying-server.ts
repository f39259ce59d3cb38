/** Joins two authenticated legs by the relay core: carries out its actions, and lets nobody send faster than the other reads. */
import type { Recorder } from '../recording/recorder.ts'
import type { SshRelay } from './relay.ts'
import type { ProtocolBreach, RelayAction } from './relay-action.ts'
import { otherSide, type Side } from './side.ts'
import type { SshHops } from './ssh-hops-server.ts'
import type { SshLeg } from './ssh-leg-server.ts'
import type { ReceivedPacket } from './transport-types.ts'

export type Legs = Readonly<Record<Side, SshLeg>>

/** Begins to relay. @param onBreach told when a side broke the protocol; who holds the legs then ends them. */
export function relayLegs(
  legs: Legs,
  relay: SshRelay,
  recorder: Recorder | undefined,
  hops: Pick<SshHops, 'begin' | 'progress'>,
  onBreach: (side: Side, reason: ProtocolBreach) => void,
): void {
  const join = (from: Side): void => {
    const other = legs[otherSide(from)]
    legs[from].onPacket = (packet) => {
      const taken = relay.take(from, packet.payload)
      const action = taken.kind === 'hop' ? hops.begin(taken, packet.payload) : taken
      if (action.kind === 'end') onBreach(from, action.reason)
      else carryOut(action, packet, legs, other)
    }
  }
  join('user')
  join('target')
  const balance = (): void => {
    hops.progress()
    legs.user.setReading(mayRead(legs.user, legs.target, recorder))
    legs.target.setReading(mayRead(legs.target, legs.user, recorder))
  }
  legs.user.onProgress = balance
  legs.target.onProgress = balance
  if (recorder !== undefined) recorder.onDrain = balance
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
function mayRead(leg: SshLeg, other: SshLeg, recorder: Recorder | undefined): boolean {
  if (recorder?.backlogged === true) return false
  const bothExchange = leg.transport.exchangingKeys && other.transport.exchangingKeys
  return !other.transport.backlogged || bothExchange
}
