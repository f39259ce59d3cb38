/** Places for lookups that are under way, so that a resolver which is dead, or a device that asks a lot, leaves room for the others. */

/** Lookups of one device within one zone. */
export type Share = { readonly device: string; readonly zone: string }

/** Does the work where its share has a place, at once; undefined: it has none. Rejects as the work does. */
export type LookupShares = <T>(share: Share, work: () => Promise<T>) => Promise<T | undefined>

/**
 * As `LookupShares`, in the zone of the resolvers that a name is asked of.
 * @param asker id of a device, or `ADMINISTRATOR`.
 */
export type LookUp = <T>(
  asker: string,
  name: string,
  work: () => Promise<T>,
) => Promise<T | undefined>

/** Who looks names up that is no device. */
export const ADMINISTRATOR = 'administrator'

/** Why a share has no place left: a stable code, told to who asks and in the log. */
export const TOO_MANY_LOOKUPS = 'too_many_lookups'

/** Part of what its zone has left that one device may hold. */
const DEVICE_PART = 1 / 8

/**
 * What is free belongs to those who hold least: a zone may hold as much as all zones together leave free, a device an
 * eighth of what its zone could still take. So there is always a place for a zone or a device that holds none, until
 * more zones are full than `atOnce` has binary digits.
 * @param atOnce of all devices and zones together.
 */
export function openLookupShares(atOnce: number): LookupShares {
  const held = new Map<string, number>()
  let all = 0

  const heldBy = (key: string): number => held.get(key) ?? 0
  function change(keys: readonly string[], by: 1 | -1): void {
    all += by
    for (const key of keys) {
      const now = heldBy(key) + by
      if (now === 0) held.delete(key)
      else held.set(key, now)
    }
  }

  return async ({ device, zone }, work) => {
    const pair = JSON.stringify([zone, device])
    const left = atOnce - all - heldBy(zone)
    if (heldBy(pair) >= left * DEVICE_PART) return undefined
    change([zone, pair], 1)
    try {
      return await work()
    } finally {
      change([zone, pair], -1)
    }
  }
}

/** @param zoneOf of its own resolvers; undefined: the name is asked of the machine's. */
export function lookUpIn(
  shares: LookupShares,
  zoneOf: (name: string) => string | undefined,
): LookUp {
  return (device, name, work) => shares({ device, zone: zoneOf(name) ?? '' }, work)
}
