/** Names, put together: what flows to them lead to, and what devices are answered about them. */
import type { GatewayConfig } from './config/gateway-config.ts'
import { lookUpIn, openLookupShares } from './dns/lookup-shares.ts'
import { type AnswerName, createNameAnswerer } from './dns/name-answerer.ts'
import { createNameServers, type NameServers } from './dns/name-servers-client.ts'
import type { PolicyDecider } from './enforce/policy-decider.ts'
import {
  type AliasesOf,
  createAliases,
  createResolver,
  type Resolve,
} from './enforce/resolve-client.ts'
import type { DnsZone } from './policy/document.ts'

/** Lookups of all devices under way, for questions and connections; each has one or two sockets for up to 5 s. */
const DNS_LOOKUPS = 1024

export type NameAccessOptions = {
  /** Names whose addresses are configured; nobody is asked for them. */
  readonly hosts: GatewayConfig['hosts']
  /** Of the policy in force. */
  readonly zones: () => readonly DnsZone[]
  readonly decideName: PolicyDecider['decideName']
}

export type NameAccess = {
  readonly resolve: Resolve
  readonly aliasesOf: AliasesOf
  readonly answerName: AnswerName
  readonly resolvers: NameServers['status']
}

export function openNameAccess({ hosts, zones, decideName }: NameAccessOptions): NameAccess {
  const nameServers = createNameServers(zones)
  const lookUp = lookUpIn(openLookupShares(DNS_LOOKUPS), nameServers.zoneOf)
  const resolve = createResolver({ hosts, lookupAll: nameServers.lookupAll, lookUp })
  const aliasesOf = createAliases({ hosts, aliasesOf: nameServers.aliasesOf, lookUp })
  const answerName = createNameAnswerer({ nameServers, resolve, hosts, decideName, lookUp })
  return { resolve, aliasesOf, answerName, resolvers: nameServers.status }
}
