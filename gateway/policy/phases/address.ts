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
import { deny, type Flow, namesOf, type Verdict } from '../flow.ts'
import { narrow } from '../narrow.ts'
import { applicationVerdict } from './application.ts'
import { applies, byPrecedence, ruleOutcome } from './network.ts'

type Dialled = Flow & { readonly address: IpAddress }
type Allowed = Verdict & { readonly kind: 'permit' }

const NEVER = [isUnspecified, isLinkLocal, isMetadata, isMulticast, isReserved, isTranslated]

/** Whether nothing at this address is ever reached, whoever asks. Loopback is not among these. */
export function isNeverDialled(address: IpAddress): boolean {
  return NEVER.some((is) => is(address) && !isLoopback(address))
}

/** The final verdict on a permitted flow whose address is known. */
export function addressPhase(policy: CompiledPolicy, flow: Dialled, permit: Allowed): Verdict {
  const owner = policy.applications.onAddress(flow.address, flow.service)[0]
  if (isNever(policy.own, flow) || (isLoopback(flow.address) && !opensLoopback(owner, flow))) {
    flow.trace.push({ phase: 'address', name: 'never', outcome: 'matched' })
    return deny('address_forbidden', namesOf(permit))
  }
  if (isLoopback(flow.address)) return ownerVerdict(owner?.value, flow, permit, 'address_forbidden')
  return flow.host.kind === 'address' ? permit : nameVerdict(policy, flow, permit, owner?.value)
}

/** Whether it is known where the flow would be dialled. */
export function hasAddress(flow: Flow): flow is Dialled {
  return flow.address !== undefined
}

/** Whether the address is private or otherwise not of the public Internet. */
export function isPublicAddress(address: IpAddress): boolean {
  return ![isPrivate, isLoopback, ...NEVER].some((is) => is(address))
}

/** A name was decided by its name; now the address behind it must pass everything that is written on it. */
function nameVerdict(
  policy: CompiledPolicy,
  flow: Dialled,
  permit: Allowed,
  owner: CompiledApplication | undefined,
): Verdict {
  const { blockedBy, allowed } = rulesOnAddress(policy, flow)
  if (blockedBy !== undefined)
    return deny('blocked_by_rule', { ...namesOf(permit), rule: blockedBy })
  if (owner !== undefined) return ownerVerdict(owner, flow, permit, 'address_not_permitted')
  // A public name that points into the private network (DNS rebinding): the default for public ones is no answer.
  const byDefault = permit.reason === 'allowed_by_default'
  if (!byDefault || allowed || isPublicAddress(flow.address)) return permit
  flow.trace.push({ phase: 'address', name: 'private', outcome: 'matched' })
  return deny('address_not_permitted', namesOf(permit))
}

function rulesOnAddress(policy: CompiledPolicy, flow: Dialled) {
  const entries = [policy.rulesBefore, policy.rulesAfter].flatMap((rules) =>
    rules.onAddress(flow.address, flow.service),
  )
  const matched = byPrecedence(entries).filter((rule) => {
    const outcome = ruleOutcome(rule, flow)
    flow.trace.push({ phase: 'address', name: rule.name, outcome, detail: rule.action })
    return applies(rule, outcome)
  })
  return {
    blockedBy: matched.find(({ action }) => action === 'block')?.name,
    allowed: matched.some(({ action }) => action === 'allow'),
  }
}

/** The owner of the address must permit too, and its limits count. */
function ownerVerdict(
  owner: CompiledApplication | undefined,
  flow: Flow,
  permit: Allowed,
  refusal: 'address_not_permitted' | 'address_forbidden',
): Verdict {
  if (owner !== undefined && owner.name === permit.application) return permit
  const second = owner && applicationVerdict(owner, flow, 'address')
  const narrowed = second?.kind === 'permit' ? narrow(permit, second) : undefined
  return narrowed ?? deny(refusal, namesOf(permit))
}

/** Loopback opens only for a program that asked for the very address, by an application written inside loopback. */
function opensLoopback(owner: Entry<CompiledApplication> | undefined, { host }: Flow): boolean {
  if (owner === undefined || host.kind !== 'address') return false
  const { host: written } = owner.destination
  return (
    written.kind === 'prefix' && written.prefix.length >= 8 && isLoopback(written.prefix.address)
  )
}

function isNever({ addresses, ports }: OwnListeners, { address, service }: Dialled): boolean {
  const isOwn = isLoopback(address) || addresses.some((one) => equalAddresses(one, address))
  return (isOwn && ports.includes(service.port)) || isNeverDialled(address)
}
