/**
 * The address a flow would be dialled at, met by everything written on addresses. Runs after the other phases, for IP
 * literals at once and for names when they are resolved; it can only take a permit away or narrow it.
 */
import { equalAddresses, type IpAddress } from '#lib/net/address'
import {
  isLinkLocal,
  isLoopback,
  isMetadata,
  isMulticast,
  isPrivate,
  isReserved,
  isTranslated,
  isUnspecified,
} from '#lib/net/special-address'
import type { CompiledApplication, CompiledPolicy, OwnListeners } from '../compile.ts'
import type { Entry } from '../destination-index.ts'
import { deny, type Flow, type Verdict } from '../flow.ts'
import { narrow } from '../narrow.ts'
import { applicationVerdict } from './application.ts'
import { applies, byPrecedence } from './network.ts'

const NEVER = [isUnspecified, isLinkLocal, isMetadata, isMulticast, isReserved, isTranslated]

/** The final verdict on a permitted flow whose address is known. */
export function addressPhase(
  policy: CompiledPolicy,
  flow: Flow & { readonly address: IpAddress },
  permit: Verdict & { readonly kind: 'permit' },
): Verdict {
  const { address, service, host } = flow
  const owner = policy.applications.onAddress(address, service)[0]
  if (isForbidden(policy.own, flow, ownedByLiteral(owner, flow, permit))) {
    flow.trace.push({ phase: 'address', name: 'never', outcome: 'matched' })
    return deny('address_forbidden', namesOf(permit))
  }
  return host.kind === 'address' ? permit : nameVerdict(policy, flow, permit, owner)
}

/** Whether the address is private or otherwise not of the public Internet. */
export function isPublicAddress(address: IpAddress): boolean {
  return ![isPrivate, isLoopback, ...NEVER].some((is) => is(address))
}

/** A name was decided by its name; now the address behind it must pass everything that is written on it. */
function nameVerdict(
  policy: CompiledPolicy,
  flow: Flow & { readonly address: IpAddress },
  permit: Verdict & { readonly kind: 'permit' },
  owner: Entry<CompiledApplication> | undefined,
): Verdict {
  const { blockedBy, allowed } = rulesOnAddress(policy, flow)
  if (blockedBy !== undefined)
    return deny('blocked_by_rule', { ...namesOf(permit), rule: blockedBy })
  if (owner !== undefined) return ownerVerdict(owner.value, flow, permit)
  // A public name that points into the private network (DNS rebinding): the default for public ones is no answer.
  const byDefault = permit.reason === 'allowed_by_default'
  if (!byDefault || allowed || isPublicAddress(flow.address)) return permit
  flow.trace.push({ phase: 'address', name: 'private', outcome: 'matched' })
  return deny('address_not_permitted', namesOf(permit))
}

function rulesOnAddress(policy: CompiledPolicy, flow: Flow & { readonly address: IpAddress }) {
  const entries = [policy.rulesBefore, policy.rulesAfter].flatMap((rules) =>
    rules.onAddress(flow.address, flow.service),
  )
  const matched = byPrecedence(entries).filter((rule) => {
    const outcome = flow.conditions.outcome(rule.condition)
    flow.trace.push({ phase: 'address', name: rule.name, outcome, detail: rule.action })
    return applies(rule, outcome)
  })
  return {
    blockedBy: matched.find(({ action }) => action === 'block')?.name,
    allowed: matched.some(({ action }) => action === 'allow'),
  }
}

function ownerVerdict(
  owner: CompiledApplication,
  flow: Flow,
  permit: Verdict & { readonly kind: 'permit' },
): Verdict {
  if (owner.name === permit.application) return permit
  const second = applicationVerdict(owner, flow, 'address')
  const narrowed = second.kind === 'permit' ? narrow(permit, second) : undefined
  return narrowed ?? deny('address_not_permitted', namesOf(permit))
}

/** Loopback opens only for a program that asked for the very address, by an application written inside loopback. */
function ownedByLiteral(
  owner: Entry<CompiledApplication> | undefined,
  { host }: Flow,
  permit: Verdict,
): boolean {
  if (owner === undefined || host.kind !== 'address') return false
  const { host: written } = owner.destination
  const inLoopback =
    written.kind === 'prefix' && written.prefix.length >= 8 && isLoopback(written.prefix.address)
  return inLoopback && owner.value.name === permit.application
}

function isForbidden(
  own: OwnListeners,
  { address, service }: Flow & { readonly address: IpAddress },
  loopbackOpened: boolean,
): boolean {
  if (isLoopback(address)) return !loopbackOpened || own.ports.includes(service.port)
  if (NEVER.some((is) => is(address))) return true
  const isOwn = own.addresses.some((one) => equalAddresses(one, address))
  return isOwn && own.ports.includes(service.port)
}

function namesOf({ application, policy, rule }: Verdict) {
  return {
    ...(application !== undefined && { application }),
    ...(policy !== undefined && { policy }),
    ...(rule !== undefined && { rule }),
  }
}
