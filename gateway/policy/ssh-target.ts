/**
 * SSH targets: hosts with a label, tags and host keys, which applications name by what they are instead of where.
 * Written in the policy or registered by an administrator; where the two disagree, the policy stands. Pure.
 */
import { printAuthority } from '#lib/net/endpoint'
import { type Destination, parseDestination } from './destination.ts'
import type { RegisteredTarget, TargetCriterion } from './document.ts'

/** Where the criteria lead with this target, if one of them holds. */
export function matchedDestinations(
  criteria: readonly TargetCriterion[],
  target: RegisteredTarget,
): readonly Destination[] {
  const ports = criteria
    .filter((criterion) => isMet(criterion, target))
    .flatMap((criterion) => target.ports.filter((port) => criterion.ports?.includes(port) ?? true))
  return ports.length === 0 ? [] : [destinationOf(target.address, [...new Set(ports)])]
}

/** The whole target as a destination. */
export function targetDestination({ address, ports }: RegisteredTarget): Destination {
  return destinationOf(address, ports)
}

/** Keys that an administrator had learnt for a target that the policy names too, put to its own. */
export function withKeysOf(target: RegisteredTarget, other: RegisteredTarget): RegisteredTarget {
  return {
    ...target,
    hostKeys: [...new Set([...target.hostKeys, ...other.hostKeys])],
    hostAuthorities: [...new Set([...target.hostAuthorities, ...other.hostAuthorities])],
  }
}

function isMet({ label, tags = {}, network }: TargetCriterion, target: RegisteredTarget): boolean {
  const tagged = Object.entries(tags).every(
    ([key, value]) => Object.hasOwn(target.tags, key) && target.tags[key] === value,
  )
  const labelled = label === undefined || matchesPattern(label, target.label)
  return tagged && labelled && (network === undefined || network === target.network)
}

/** Linear in the label for each star: no backtracking. */
function matchesPattern(pattern: string, label: string): boolean {
  const [head = '', ...rest] = pattern.split('*')
  const tail = rest.pop()
  if (tail === undefined) return pattern === label
  if (label.length < head.length + tail.length) return false
  if (!label.startsWith(head) || !label.endsWith(tail)) return false
  let at = head.length
  for (const part of rest) {
    const found = label.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return at <= label.length - tail.length
}

/** @throws {Error} on an address that is none: a bug, it was parsed. */
function destinationOf(address: string, ports: readonly number[]): Destination {
  const [first = 0, ...more] = ports
  const text = printAuthority({ host: address, port: first })
  const parsed = parseDestination([text, ...more].join(','))
  if ('wrong' in parsed) throw new Error(parsed.wrong)
  return parsed.value
}
