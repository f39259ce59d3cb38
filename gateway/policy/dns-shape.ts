/** The `dns` section as policy writes it. The table also makes the reference page. */
import { defaulted, list, mapping, required } from '#lib/config/mapping-shape'
import { quote } from '#lib/config/mistake'
import { type Shape, text } from '#lib/config/shape'
import { hostName } from '#lib/config/text-shapes'
import { type DnsServer, parseDnsServer } from '#lib/dns/server'
import { dnsRuleShape } from './dns-rule-shape.ts'
import type { DnsZone } from './document.ts'

const resolver: Shape<DnsServer> = text(
  'an address such as 10.0.0.53 or 10.0.0.53:5353',
  (value) => {
    const server = parseDnsServer(value)
    return server === undefined
      ? { wrong: `${quote(value)} is no address of a resolver; names would need one themselves` }
      : { value: server }
  },
)

const zone: Shape<DnsZone> = mapping(
  {
    domain: required(hostName, 'The zone, with all names below it.'),
    resolvers: required(
      list(resolver, { kind: 'a list of addresses', min: 1 }),
      'Who is asked, by UDP and TCP, in this order.',
    ),
  },
  'a zone',
)

/** The shape of the section. */
export const dnsShape = mapping(
  {
    zones: defaulted(
      list(zone, { kind: 'a list of zones' }),
      'Zones that resolvers of their own answer; the longest that matches counts. Nobody else is asked about their names.',
      [],
      'none',
    ),
    rules: defaulted(
      list(dnsRuleShape, { kind: 'a list of rules of the DNS phase' }),
      'Which names may be asked for, and what is answered; by precedence, the first that matches decides. Without one, names are open to those who may reach something there.',
      [],
      'none',
    ),
  },
  'the DNS settings',
)
