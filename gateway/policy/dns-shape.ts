/** The `dns` section as policy writes it. The table also makes the reference page. */
import { defaulted, list, mapping, required } from '#lib/config/mapping-shape'
import { quote } from '#lib/config/mistake'
import { mapped, type Shape, text } from '#lib/config/shape'
import { address, hostName } from '#lib/config/text-shapes'
import { formatHost, parseEndpoint, printAuthority } from '#lib/net/endpoint'
import type { DnsZone } from './document.ts'

/** As node:dns takes it: an address, or an address and a port. */
const resolver: Shape<string> = text('an address such as 10.0.0.53 or 10.0.0.53:5353', (value) => {
  const alone = address.decode(value, []).value
  if (alone !== undefined) return { value: alone }
  const parsed = parseEndpoint(value)
  if (parsed.ok && parsed.value.host.kind === 'address') {
    const { host, port } = parsed.value
    return { value: printAuthority({ host: formatHost(host), port }) }
  }
  return { wrong: `${quote(value)} is no address of a resolver; names would need one themselves` }
})

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
export const dnsShape = mapped(
  mapping(
    {
      zones: defaulted(
        list(zone, { kind: 'a list of zones' }),
        'Zones that resolvers of their own answer; the longest that matches counts. Nobody else is asked about their names.',
        [],
        'none',
      ),
    },
    'the DNS settings',
  ),
  ({ zones }) => ({ zones }),
)
