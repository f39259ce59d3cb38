import test from 'ava'
import { formatAddress, type IpAddress, parseAddress } from '#lib/net/address'
import {
  embeddedIpv4,
  isLinkLocal,
  isLoopback,
  isMetadata,
  isMulticast,
  isPrivate,
  isReserved,
  isUnspecified,
} from '#lib/net/special-address'

const KINDS: Readonly<Record<string, (address: IpAddress) => boolean>> = {
  loopback: isLoopback,
  link_local: isLinkLocal,
  metadata: isMetadata,
  unspecified: isUnspecified,
  multicast: isMulticast,
  reserved: isReserved,
  private: isPrivate,
}

const addresses = {
  '127.0.0.1': ['loopback'],
  '127.255.255.254': ['loopback'],
  '::1': ['loopback'],
  '::ffff:127.0.0.1': ['loopback'],
  '169.254.169.254': ['link_local', 'metadata'],
  '::ffff:a9fe:a9fe': ['link_local', 'metadata'],
  '169.254.1.1': ['link_local'],
  'fe80::1': ['link_local'],
  'fd00:ec2::254': ['metadata', 'private'],
  '100.100.100.200': ['metadata', 'private'],
  '0.0.0.0': ['unspecified'],
  '::': ['unspecified'],
  '224.0.0.1': ['multicast'],
  'ff02::1': ['multicast'],
  '255.255.255.255': ['reserved'],
  '10.1.2.3': ['private'],
  '172.31.0.1': ['private'],
  '172.32.0.1': [],
  '192.168.0.1': ['private'],
  '100.64.0.1': ['private'],
  'fc00::1': ['private'],
  '8.8.8.8': [],
  '2606:4700::1': [],
}
for (const [text, wanted] of Object.entries(addresses)) {
  test(`special address T120: ${text} is ${wanted.join(', ') || 'plain'}`, (t) => {
    const kinds = Object.keys(KINDS).filter((kind) => KINDS[kind]?.(address(text)))
    t.deepEqual(kinds, wanted)
  })
}

const embedded = {
  '::127.0.0.1': '127.0.0.1',
  '64:ff9b::169.254.169.254': '169.254.169.254',
  '64:ff9b:1::10.0.0.1': '10.0.0.1',
  '2002:7f00:1::': '127.0.0.1',
  '::1': undefined,
  '::': undefined,
  '2001:db8::1': undefined,
  '10.0.0.1': undefined,
}
for (const [text, wanted] of Object.entries(embedded)) {
  test(`special address T120: ${text} embeds ${wanted ?? 'nothing'}`, (t) => {
    const inner = embeddedIpv4(address(text))
    t.is(inner && formatAddress(inner), wanted)
  })
}

function address(text: string): IpAddress {
  const parsed = parseAddress(text)
  if (!parsed.ok) throw new Error(text)
  return parsed.value
}
