/**
 * Checks on SSH across the parts of a policy: limits where ssh is spoken, targets that are told apart, criteria.
 * They read the undecoded value, as ./check.ts does.
 */
import { didYouMean, type Mistake, type Path, quote } from '#lib/config/mistake'
import { isMapping } from '#lib/config/shape'
import { parseDestination } from './destination.ts'
import type { RegisteredTarget } from './document.ts'
import type { Claim } from './overlap.ts'
import { type Item, items, named, type Raw } from './raw-policy.ts'
import { matchedDestinations } from './ssh-target.ts'
import { sshTargetShape, targetCriteria } from './ssh-target-shape.ts'
import { findSharedEndpoints } from './ssh-targets.ts'

/** All mistakes about SSH but ambiguous overlaps. Never throws. */
export function checkSsh(policy: Raw, path: Path): Mistake[] {
  const applications = items(policy, 'applications', path)
  return [
    ...sharedTargets(items(policy, 'ssh_targets', path)),
    ...alertsOfNobody(items(policy, 'ssh_alerts', path), applications),
    ...[sshMismatch, sshWithoutTcp, withoutDestinations, strayUnixUsers].flatMap((check) =>
      applications.flatMap(check),
    ),
  ]
}

/** Limits of ssh stand exactly where ssh is spoken. */
function sshMismatch({ value, path }: Item): Mistake[] {
  const isSsh = value['protocol'] === 'ssh'
  if (isSsh === Object.hasOwn(value, 'ssh')) return []
  return isSsh
    ? [{ path, message: '"ssh" is missing; an ssh application lists its unix_users there' }]
    : [{ path: [...path, 'ssh'], message: 'only an application with "protocol: ssh" has this key' }]
}

/** SSH is spoken over TCP. */
function sshWithoutTcp({ value, path }: Item): Mistake[] {
  const written = value['protocol'] === 'ssh' ? value['destinations'] : undefined
  return (Array.isArray(written) ? written : []).flatMap((text: unknown, index) => {
    const parsed = typeof text === 'string' ? parseDestination(text) : { wrong: '' }
    if ('wrong' in parsed || (parsed.value.transport ?? 'tcp') === 'tcp') return []
    const message = 'SSH is spoken over TCP; give UDP and ping an application of their own'
    return [{ path: [...path, 'destinations', index], message }]
  })
}

function readTarget({ value }: Item): RegisteredTarget[] {
  const { value: target, mistakes } = sshTargetShape.decode(value, [])
  return target === undefined || mistakes.length > 0 ? [] : [target]
}

/** One address has one target on each port: whose keys would count is otherwise anybody's guess. */
function sharedTargets(list: readonly Item[]): Mistake[] {
  const known = list.flatMap((item) => readTarget(item).map((target) => ({ item, target })))
  return findSharedEndpoints(known.map(({ target }) => target)).flatMap(({ index, other }) => {
    const { path } = known[index]?.item ?? { path: [] }
    const message = `the target ${quote(other.label)} has this address on the same port; give it to one target`
    return [{ path: [...path, 'address'], message }]
  })
}

/** An alert rule names applications that are there and speak SSH. */
function alertsOfNobody(rules: readonly Item[], applications: readonly Item[]): Mistake[] {
  const known = named(applications.filter(({ value }) => value['protocol'] === 'ssh'))
  return rules.flatMap(({ value, path }) => {
    const names: unknown = value['applications']
    return (Array.isArray(names) ? names : []).flatMap((name: unknown, index) =>
      typeof name !== 'string' || known.includes(name)
        ? []
        : [{ path: [...path, 'applications', index], message: noSsh(name, known) }],
    )
  })
}

function noSsh(name: string, known: readonly string[]): string {
  return `there is no ssh application ${quote(name)}${didYouMean(name, known)}`
}

function withoutDestinations({ value, path }: Item): Mistake[] {
  const ssh = value['ssh']
  const hasCriteria = isMapping(ssh) && Object.hasOwn(ssh, 'targets')
  if (Object.hasOwn(value, 'destinations') || hasCriteria) return []
  return [{ path, message: '"destinations" is missing; an ssh application may have "ssh.targets"' }]
}

/** Only who is admitted to an ssh application has UNIX users. */
function strayUnixUsers({ value, path }: Item): Mistake[] {
  return items(value, 'policies', path).flatMap((line) => {
    const admits = value['protocol'] === 'ssh' && line.value['decision'] !== 'deny'
    if (admits || !Object.hasOwn(line.value, 'unix_users')) return []
    const message = 'only a policy that admits to an application with "protocol: ssh" has this key'
    return [{ path: [...line.path, 'unix_users'], message }]
  })
}

/** What the criteria of each application find among the targets of the policy. */
export function criteriaClaims(policy: Raw, path: Path): Claim[] {
  const targets = items(policy, 'ssh_targets', path).flatMap(readTarget)
  return items(policy, 'applications', path).flatMap((one) => claimsByCriteria(one, targets))
}

function claimsByCriteria({ value, path }: Item, targets: readonly RegisteredTarget[]): Claim[] {
  const ssh = value['ssh']
  const written = isMapping(ssh) && Object.hasOwn(ssh, 'targets') ? ssh['targets'] : undefined
  const { value: criteria = [] } = targetCriteria.decode(written, [])
  const application = String(value['name'])
  return targets
    .flatMap((target) => matchedDestinations(criteria, target))
    .map((destination) => ({ application, destination, path: [...path, 'ssh', 'targets'] }))
}
