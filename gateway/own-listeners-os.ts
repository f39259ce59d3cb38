/**
 * Where this gateway can be reached, so that no flow leads back into it.
 */
import { networkInterfaces } from 'node:os'
import { type IpAddress, parseAddress } from '#lib/net/address'
import type { ListenerConfig } from './config/gateway-config.ts'
import type { OwnListeners } from './policy/compile.ts'

/** Addresses of the listeners; one that listens on all addresses stands for every one of the machine. */
export function ownListeners(listens: readonly ListenerConfig['listen'][]): OwnListeners {
  const machine = Object.values(networkInterfaces()).flatMap((all) => all ?? [])
  const texts = listens.flatMap(({ host }) =>
    isWildcard(host) ? machine.map(({ address }) => address) : [host],
  )
  return {
    addresses: [...new Set(texts)].map(parsed).filter((address) => address !== undefined),
    ports: listens.map(({ port }) => port).filter((port) => port !== 0),
  }
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

function parsed(text: string): IpAddress | undefined {
  const address = parseAddress(text)
  return address.ok ? address.value : undefined
}
