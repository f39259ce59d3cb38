/**
 * All targets together: those of the policy, then those that administrators registered as far as they fit beside them.
 * A registered one that does not fit is set aside, never half used: a policy is put in force whatever is registered.
 */
import type { Destination } from './destination.ts'
import type { Application, PolicyDocument, RegisteredTarget } from './document.ts'
import { type Claim, findOverlaps } from './overlap.ts'
import { matchedDestinations, withKeysOf } from './ssh-target.ts'

/** Targets that count, and those that do not, each with a sentence why. */
export type MergedTargets = {
  readonly targets: readonly RegisteredTarget[]
  readonly setAside: readonly { readonly target: RegisteredTarget; readonly why: string }[]
}

/** Where an application leads: its written destinations, and those of targets that meet its criteria. */
export function applicationDestinations(
  { destinations, ssh }: Pick<Application, 'destinations' | 'ssh'>,
  targets: readonly RegisteredTarget[],
): readonly Destination[] {
  const found = targets.flatMap((target) => matchedDestinations(ssh?.targets ?? [], target))
  return [...destinations, ...found]
}

/** A mistake for each port of an address that a second target has. */
export function findSharedEndpoints(
  targets: readonly RegisteredTarget[],
): readonly { readonly index: number; readonly other: RegisteredTarget }[] {
  const taken = new Map<string, RegisteredTarget>()
  return targets.flatMap((target, index) => {
    const endpoints = target.ports.map((port) => `${target.network} ${port} ${target.address}`)
    const other = endpoints.map((endpoint) => taken.get(endpoint)).find((one) => one !== undefined)
    if (other !== undefined) return [{ index, other }]
    for (const endpoint of endpoints) taken.set(endpoint, target)
    return []
  })
}

/** Puts registered targets to those of the policy; one of the same label and address only adds its keys. */
export function mergeTargets(
  { sshTargets, applications }: Pick<PolicyDocument, 'sshTargets' | 'applications'>,
  registered: readonly RegisteredTarget[],
): MergedTargets {
  const written = new Map(sshTargets.map((target) => [target.label, target]))
  const others: RegisteredTarget[] = []
  const setAside: { target: RegisteredTarget; why: string }[] = []
  for (const target of registered) {
    const same = written.get(target.label)
    if (same === undefined) others.push(target)
    else if (same.address === target.address) written.set(same.label, withKeysOf(same, target))
    else setAside.push({ target, why: 'the policy has this label for another address' })
  }
  const own = [...written.values()]
  const unfit = new Map([...twiceOwned(applications, own, others), ...sharing([...own, ...others])])
  return {
    targets: [...own, ...others.filter(({ label }) => !unfit.has(label))],
    setAside: [
      ...setAside,
      ...others.flatMap((target) => {
        const why = unfit.get(target.label)
        return why === undefined ? [] : [{ target, why }]
      }),
    ],
  }
}

function sharing(targets: readonly RegisteredTarget[]): [string, string][] {
  return findSharedEndpoints(targets).map(({ index, other }) => [
    targets[index]?.label ?? '',
    `the target ${other.label} has this address and port`,
  ])
}

/** Claims of the policy's own targets come first: what ties with them is the registered one. */
function twiceOwned(
  applications: readonly Application[],
  own: readonly RegisteredTarget[],
  others: readonly RegisteredTarget[],
): [string, string][] {
  if (others.length === 0) return []
  const first = applications.flatMap((one) => claimsOf(one, applicationDestinations(one, own), ''))
  const later = others.flatMap((target) =>
    applications.flatMap((one) =>
      claimsOf(one, matchedDestinations(one.ssh?.targets ?? [], target), target.label),
    ),
  )
  return findOverlaps([...first, ...later]).map(({ path, message }) => [String(path[0]), message])
}

function claimsOf(
  { name }: Application,
  destinations: readonly Destination[],
  label: string,
): Claim[] {
  return destinations.map((destination) => ({ application: name, destination, path: [label] }))
}
