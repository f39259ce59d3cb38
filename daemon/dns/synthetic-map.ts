/**
 * Names and the addresses that stand for them on this machine. A program connects to an address; the daemon gives the
 * name back to policy. An address that pointed to another name too early would send a program to the wrong place.
 */
import { createHash } from 'node:crypto'
import type { IpAddress } from '#lib/net/address'
import { err, ok, type Result } from '#lib/result'
import { addressesOf, inRange, numberOf, type SyntheticRange } from './synthetic-range.ts'

export interface SyntheticMap {
  /** Both addresses of a private name (canonical lower case, no trailing dot), the same ones while it lives; `exhausted` when none is free. */
  addressesFor(
    name: string,
    nowMs: number,
  ): Result<{ readonly v4: IpAddress; readonly v6: IpAddress }, { readonly reason: 'exhausted' }>
  /** The name behind an address now; undefined: unknown or outside. Using it keeps it alive. An address serves no other name for 24 h after its last use. */
  nameOf(address: IpAddress, nowMs: number): string | undefined
  contains(address: IpAddress): boolean
  readonly size: number
  /** What is held, oldest lease first. */
  entries(): Iterable<SyntheticEntry>
}

/** A name, its number in the range, and until when it counts as used, Unix milliseconds. */
export type SyntheticEntry = {
  readonly name: string
  readonly number: number
  readonly leasedUntilMs: number
}

/** How long after its last use an address serves no other name. */
export const QUARANTINE_MS = 24 * 3_600_000
/** An entry is written as used this far ahead, so that its use is written once an hour and none is forgotten by a crash. */
const LEASE_MS = 3_600_000
/** Names that are kept, whatever the range: about 10 MiB. */
const MOST_NAMES = 65_536
/** Numbers tried from the one that a name leads to, before the next that was never given. */
const PROBES = 8

/**
 * Makes a map.
 * @param entries what was kept, oldest lease first; those that do not fit the range are left out.
 * @param keep called before an answer rests on the entry; a later entry of a name or number replaces an earlier one.
 */
export function createSyntheticMap(
  range: SyntheticRange,
  entries: Iterable<SyntheticEntry>,
  keep: (entry: SyntheticEntry) => void,
): SyntheticMap {
  /** Oldest lease first: it is the first whose address another name may have. */
  const byName = new Map<string, SyntheticEntry>()
  const byNumber = new Map<number, SyntheticEntry>()
  let nextNumber = 0
  for (const entry of entries) if (isUsable(range, entry.number)) hold(entry)

  function hold(entry: SyntheticEntry): void {
    const { name, number } = entry
    const [before, occupant] = [byName.get(name), byNumber.get(number)]
    if (before !== undefined) byNumber.delete(before.number)
    if (occupant !== undefined) byName.delete(occupant.name)
    byName.delete(name)
    byName.set(name, entry)
    byNumber.set(number, entry)
  }

  function use(entry: SyntheticEntry, nowMs: number): void {
    if (nowMs <= entry.leasedUntilMs) return
    lease(entry.name, entry.number, nowMs)
  }

  function lease(name: string, number: number, nowMs: number): void {
    const entry = { name, number, leasedUntilMs: nowMs + LEASE_MS }
    keep(entry)
    hold(entry)
  }

  function freeNumber(name: string, nowMs: number): number | undefined {
    const room = Math.min(MOST_NAMES, range.capacity - range.reserved.size)
    return byName.size < room ? unused(name) : overdue(nowMs)
  }

  /** The number that the name leads to, in every run the same, or one near it; else the next that was never given. */
  function unused(name: string): number | undefined {
    const start = createHash('sha256').update(name).digest().readUInt32BE(0)
    for (let probe = 0; probe < PROBES; probe++) {
      const number = (start + probe) % range.capacity
      if (isFree(number)) return number
    }
    // An address once given is only ever given on, so what lies behind stays taken.
    while (nextNumber < range.capacity && !isFree(nextNumber)) nextNumber++
    return nextNumber < range.capacity ? nextNumber : undefined
  }

  function isFree(number: number): boolean {
    return isUsable(range, number) && !byNumber.has(number)
  }

  function overdue(nowMs: number): number | undefined {
    const oldest: SyntheticEntry | undefined = byName.values().next().value
    const isOver = oldest !== undefined && nowMs >= oldest.leasedUntilMs + QUARANTINE_MS
    return isOver ? oldest.number : undefined
  }

  return {
    addressesFor(name, nowMs) {
      const known = byName.get(name)
      if (known !== undefined) {
        use(known, nowMs)
        return ok(addressesOf(range, known.number))
      }
      const number = freeNumber(name, nowMs)
      if (number === undefined) return err({ reason: 'exhausted' })
      lease(name, number, nowMs)
      return ok(addressesOf(range, number))
    },
    nameOf(address, nowMs) {
      const number = numberOf(range, address)
      const entry = number === undefined ? undefined : byNumber.get(number)
      if (entry === undefined) return undefined
      use(entry, nowMs)
      return entry.name
    },
    contains: (address) => inRange(range, address),
    get size() {
      return byName.size
    },
    entries: () => byName.values(),
  }
}

function isUsable({ capacity, reserved }: SyntheticRange, number: number): boolean {
  return number < capacity && !reserved.has(number)
}
