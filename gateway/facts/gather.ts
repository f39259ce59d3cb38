/** Facts of a flow from what each source knows: the registration, the connection, the request. Pure. */
import type { Transport } from '#lib/net/flow-endpoint'
import type { FlowTarget } from '#lib/tunnel/tunnel-connection'
import type { AskerFacts } from '../policy/evaluate-name.ts'
import type { ApplicationProtocol, Facts, ServiceIdentity } from '../policy/facts.ts'
import type { Device, User } from '../store/store.ts'

/** What is known about a device and its user at one moment; it may change while a flow lives. */
export type Standing = Pick<Facts, 'subject' | 'loginsNotBefore' | 'posture' | 'grants'>

/** Looks it up. */
export type StandingOf = (device: Device, user: User) => Standing

/** Where facts come from. User and device stand behind the leaf certificate; nothing the daemon claims is in here. */
export type AskerSources = {
  readonly standing: Standing
  /** Canonical text. */
  readonly sourceAddress: string
  /** Of that address. */
  readonly country?: string | undefined
}

export type FactSources = AskerSources & {
  /** Canonical host. */
  readonly target: FlowTarget
  /** Absent: TCP. */
  readonly transport?: Transport
}

/** The facts about who asks, whatever for. */
export function gatherAsker({ standing, sourceAddress, country }: AskerSources): AskerFacts {
  return Object.freeze({ ...standing, sourceAddress, ...(country !== undefined && { country }) })
}

/** The facts of the first pass: no address and no protocol are known yet. */
export function gatherFacts(sources: FactSources): Facts {
  const { target, transport = 'tcp' } = sources
  return Object.freeze({
    ...gatherAsker(sources),
    destination: Object.freeze({ host: target.host, port: target.port, transport }),
  })
}

/**
 * The subject as it stands now; of two logins the device's own counts.
 * @param service set when the user stands for a service.
 */
export function gatherSubject(
  device: Device,
  user: User,
  service?: ServiceIdentity,
): Facts['subject'] {
  return Object.freeze({
    userId: user.id,
    email: user.email,
    groups: Object.freeze([...user.groups]),
    deviceId: device.id,
    provider: user.provider,
    claims: user.claims,
    login: device.login,
    ...(service !== undefined && { service }),
    ...(user.disabledAtMs !== undefined && { isDisabled: true as const }),
  })
}

/** What is known of who asks, about another destination. */
export function withTarget(facts: Facts, { host, port }: FlowTarget): Facts {
  const { protocol: _, evaluations: __, ...rest } = facts
  return Object.freeze({
    ...rest,
    destination: Object.freeze({ host, port, transport: 'tcp' as const }),
  })
}

/** The same flow with what is known about its device and user now. */
export function withStanding(facts: Facts, standing: Standing): Facts {
  const { sourceAddress, country, destination, protocol, evaluations } = facts
  return Object.freeze({
    ...standing,
    sourceAddress,
    destination,
    ...(country !== undefined && { country }),
    ...(protocol !== undefined && { protocol }),
    ...(evaluations !== undefined && { evaluations }),
  })
}

/** The same facts with these answers of evaluators, and none from before. */
export function withEvaluations(facts: Facts, evaluations: Facts['evaluations']): Facts {
  if (evaluations === undefined && facts.evaluations === undefined) return facts
  const { evaluations: _, ...rest } = facts
  return Object.freeze({ ...rest, ...(evaluations !== undefined && { evaluations }) })
}

/** The same facts with the protocol that the first octets showed. */
export function withProtocol(facts: Facts, protocol: ApplicationProtocol): Facts {
  return Object.freeze({ ...facts, protocol })
}

/** The same facts with the address behind the name, for the pass before dialling. */
export function withAddress(facts: Facts, address: string): Facts {
  return Object.freeze({
    ...facts,
    destination: Object.freeze({ ...facts.destination, address }),
  })
}

/** The same facts with the names that the destination's leads to. */
export function withAliases(facts: Facts, aliases: readonly string[]): Facts {
  return Object.freeze({
    ...facts,
    destination: Object.freeze({ ...facts.destination, aliases }),
  })
}

/** Whether datagrams are carried, not octets. */
export function isOfDatagrams({ destination }: Facts): boolean {
  return destination.transport !== 'tcp'
}
