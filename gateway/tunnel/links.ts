/** The tunnel connections that are let in now, by device. Owns no socket: a link closes itself. */
import type { TunnelLink } from './incoming.ts'

export interface Links {
  add(deviceId: string, link: TunnelLink): void
  remove(deviceId: string, link: TunnelLink): void
  countOf(deviceId: string): number
  readonly count: number
  /** Closes every link of a device. @returns how many. */
  closeDevice(deviceId: string, reason: string): number
  closeAll(reason: string): void
  /** Drains every link, now and to come; settles when none is left. */
  drained(): Promise<void>
}

export function createLinks(): Links {
  const byDevice = new Map<string, Set<TunnelLink>>()
  let draining: (() => void) | undefined
  const all = () => [...byDevice.values()].flatMap((links) => [...links])
  const count = () => all().length

  return {
    add(deviceId, link) {
      const links = byDevice.get(deviceId) ?? new Set()
      byDevice.set(deviceId, links.add(link))
      if (draining !== undefined) link.drain()
    },
    remove(deviceId, link) {
      const links = byDevice.get(deviceId)
      links?.delete(link)
      if (links?.size === 0) byDevice.delete(deviceId)
      if (byDevice.size === 0) draining?.()
    },
    countOf: (deviceId) => byDevice.get(deviceId)?.size ?? 0,
    get count() {
      return count()
    },
    closeDevice(deviceId, reason) {
      const links = [...(byDevice.get(deviceId) ?? [])]
      for (const link of links) link.close(reason)
      return links.length
    },
    closeAll(reason) {
      for (const link of all()) link.close(reason)
    },
    drained() {
      const done = new Promise<void>((resolve) => {
        draining = resolve
        if (byDevice.size === 0) resolve()
      })
      for (const link of all()) link.drain()
      return done
    },
  }
}
