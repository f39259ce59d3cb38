import test from 'ava'
import { type IpAddress, parseAddress } from '#lib/net/address'
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

const KINDS: Readonly<Record<string, (address: IpAddress) => boolean>> = {
  loopback: isLoopback,
  link_local: isLinkLocal,
  metadata: isMetadata,
  unspecified: isUnspecified,
  multicast: isMulticast,
  reserved: isReserved,
  private: isPrivate,
  translated: isTranslated,
}

const addresses = {
  '127.0.0.1': ['loopback'],
  '127.255.255.254': ['loopback'],
  '::1': ['loopback', 'translated'],
  '::ffff:127.0.0.1': ['loopback'],
  '169.254.169.254': ['link_local', 'metadata'],
  '::ffff:a9fe:a9fe': ['link_local', 'metadata'],
  '169.254.1.1': ['link_local'],
  'fe80::1': ['link_local'],
  'fd00:ec2::254': ['metadata', 'private'],
  '100.100.100.200': ['metadata', 'private'],
  '0.0.0.0': ['unspecified'],
  '::': ['unspecified', 'translated'],
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
  '::127.0.0.1': ['translated'],
  '64:ff9b::169.254.169.254': ['translated'],
  '64:ff9b:1::10.0.0.1': ['translated'],
  '2002:7f00:1::': ['translated'],
}
for (const [text, wanted] of Object.entries(addresses)) {
  test(`special address T120: ${text} is ${wanted.join(', ') || 'plain'}`, (t) => {
    const kinds = Object.keys(KINDS).filter((kind) => KINDS[kind]?.(address(text)))
    t.deepEqual(kinds, wanted)
  })
}

function address(text: string): IpAddress {
  const parsed = parseAddress(text)
  if (!parsed.ok) throw new Error(text)
  return parsed.value
}
