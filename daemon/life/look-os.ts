/** Looks at the surroundings of this machine in ways that every system has: no program is run, no privilege needed. */
import { statSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { parseAddress } from '#lib/net/address'
import { isLinkLocal } from '#lib/net/special-address'
import { momentNow } from '../moment-os.ts'
import type { Look } from './change.ts'

const RESOLVER_FILE = '/etc/resolv.conf'

/** @param ownLink whose addresses are our own doing. */
export function lookAround(ownLink: string): Look {
  return { at: momentNow(), addresses: addresses(ownLink), resolver: resolver() }
}

/** Links that are down, or have no carrier, are not listed by the system. */
function addresses(ownLink: string): readonly string[] {
  const all = Object.entries(networkInterfaces())
    .filter(([link]) => link !== ownLink)
    .flatMap(([link, addressesOfLink = []]) =>
      addressesOfLink
        .filter(({ internal, address }) => !internal && reachesOthers(address))
        .map(({ address }) => `${link} ${address}`),
    )
  return all.sort()
}

/** Containers that come and go have links with nothing but a link-local address. */
function reachesOthers(text: string): boolean {
  const address = parseAddress(text)
  return address.ok && !isLinkLocal(address.value)
}

/** Not there, on Windows, is a version as well. */
function resolver(): string {
  const found = statSync(RESOLVER_FILE, { throwIfNoEntry: false })
  return found === undefined ? '' : `${found.ino} ${found.mtimeMs} ${found.size}`
}
