/**
 * Users and devices as they were last seen: the identity of the last login, the posture of the last report. Where the
 * next connection will come from is not known, so conditions on the source do not hold unless it is named.
 */
import type { FlowEndpoint } from '#lib/net/flow-endpoint'
import { err, ok, type Result } from '#lib/result'
import { gatherAsker, gatherFacts, type StandingOf } from '../facts/gather.ts'
import type { AskerFacts } from '../policy/evaluate-name.ts'
import type { Facts } from '../policy/facts.ts'
import type { Device, Store, User } from '../store/store.ts'

/** One enrolled (device, user). */
export type LastSeen = { readonly device: Device; readonly user: User }

export type Population = {
  readonly store: Pick<Store, 'devices' | 'users'>
  readonly standing: StandingOf
}

/** A question about access. */
export type AccessQuestion = {
  readonly target: FlowEndpoint
  /** Address that the tunnel would come from. */
  readonly sourceAddress?: string
  /** Its country, ISO 3166-1 alpha-2. */
  readonly country?: string
}

/** Everybody with a device that is not revoked. */
export function everybody({ store }: Population): LastSeen[] {
  return store.devices.list().flatMap((device) => {
    const user = device.revokedAtMs === undefined ? store.users.get(device.userId) : undefined
    return user === undefined ? [] : [{ device, user }]
  })
}

/** Somebody on the device named, or on the one seen last. */
export function findSomebody(
  population: Population,
  email: string,
  deviceId?: string,
): Result<LastSeen, { readonly reason: 'no_such_user' | 'no_such_device' }> {
  const users = new Set(population.store.users.byEmail(email.toLowerCase()).map(({ id }) => id))
  if (users.size === 0) return err({ reason: 'no_such_user' })
  const found = everybody(population)
    .filter(({ device, user }) => users.has(user.id) && (deviceId ?? device.id) === device.id)
    .sort((a, b) => seenAtMs(b) - seenAtMs(a))
  return found[0] === undefined ? err({ reason: 'no_such_device' }) : ok(found[0])
}

/** What a decision on them would be made of. */
export function factsAbout(
  { device, user }: LastSeen,
  { target, sourceAddress = '', country }: AccessQuestion,
  { standing }: Population,
): Facts {
  const { transport } = target
  return gatherFacts({
    standing: standing(device, user),
    sourceAddress,
    country,
    target,
    transport,
  })
}

/** The same of a question that leads nowhere, from an unknown source. */
export function askerAbout({ device, user }: LastSeen, { standing }: Population): AskerFacts {
  return gatherAsker({ standing: standing(device, user), sourceAddress: '' })
}

function seenAtMs({ device }: LastSeen): number {
  return device.lastSeenAtMs ?? device.enrolledAtMs
}
