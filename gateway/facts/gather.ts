/** Facts of a flow from what each source knows: the registration, the connection, the request. Pure. */
import type { FlowTarget } from '#lib/tunnel/tunnel-connection'
import type { ApplicationProtocol, Facts } from '../policy/facts.ts'
import type { Device, User } from '../store/store.ts'

/** Where facts come from. User and device stand behind the leaf certificate; nothing the daemon claims is in here. */
export type FactSources = {
  readonly device: Device
  readonly user: User
  /** Canonical text. */
  readonly sourceAddress: string
  /** Canonical host. */
  readonly target: FlowTarget
}

/** The facts of the first pass: no address and no protocol are known yet. */
export function gatherFacts({ device, user, sourceAddress, target }: FactSources): Facts {
  return Object.freeze({
    subject: gatherSubject(device, user),
    sourceAddress,
    destination: Object.freeze({ host: target.host, port: target.port, transport: 'tcp' }),
  })
}

/** The subject as it stands now; of two logins the device's own counts. */
export function gatherSubject(device: Device, user: User): Facts['subject'] {
  return Object.freeze({
    userId: user.id,
    email: user.email,
    groups: Object.freeze([...user.groups]),
    deviceId: device.id,
    lastLoginAtSeconds: Math.floor(device.login.atMs / 1000),
  })
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
