/** The checks in their fixed order, and one look through all of them. Pure. */
import type { Finding } from '#lib/api/doctor-api'
import type { Check } from './check.ts'
import { CERTIFICATE, DAEMON, TUNNEL } from './check-connection.ts'
import { CAPTIVE_PORTAL, CLOCK, GATEWAY, MTU, UPSTREAM_PROXY } from './check-gateway.ts'
import { TUN, USER_NAMESPACES } from './check-interception.ts'
import {
  CONTAINERS,
  FIREWALL,
  LAN_OVERLAP,
  NFT,
  OTHER_VPN,
  SYNTHETIC_RANGE,
} from './check-machine.ts'
import { PRIVATE_NAMES, RESOLVER } from './check-names.ts'
import type { DoctorFacts } from './facts.ts'

/** From what a user notices to what it may stand on. */
export const CHECKS: readonly Check[] = [
  DAEMON,
  TUNNEL,
  CERTIFICATE,
  GATEWAY,
  CLOCK,
  CAPTIVE_PORTAL,
  UPSTREAM_PROXY,
  MTU,
  LAN_OVERLAP,
  OTHER_VPN,
  SYNTHETIC_RANGE,
  CONTAINERS,
  RESOLVER,
  PRIVATE_NAMES,
  NFT,
  FIREWALL,
  TUN,
  USER_NAMESPACES,
]

/** Findings of every check, at least one each. */
export function examine(facts: DoctorFacts): readonly Finding[] {
  return CHECKS.flatMap((check) => check.examine(facts))
}
