/**
 * Sets of ports as written in policy: `443`, `80,443,8000-8100`, or `*` for all.
 */
import { err, ok, type Result } from '#lib/result'

/** Ports `first` to `last`, both included. */
export type PortRange = { readonly first: number; readonly last: number }

/** Disjoint ranges in rising order. */
export type PortSet = readonly PortRange[]

/** Highest port of TCP and UDP; port 0 is reserved and names no service (RFC 6335 section 6). */
const PORT_LIMIT = 65535
const PORT = /^[1-9][0-9]{0,4}$/

/** Every port. */
export const ALL_PORTS: PortSet = [{ first: 1, last: PORT_LIMIT }]

/** Parses one port, 1 to 65535, decimal without sign or leading zero. Never throws. */
export function parsePort(text: string): Result<number, { readonly reason: 'bad_port' }> {
  const port = Number(text)
  return PORT.test(text) && port <= PORT_LIMIT ? ok(port) : err({ reason: 'bad_port' })
}

/** Parses a set; ranges that touch or overlap become one. Never throws. */
export function parsePorts(text: string): Result<PortSet, { readonly reason: 'bad_port' }> {
  if (text === '*') return ok(ALL_PORTS)
  const ranges: PortRange[] = []
  for (const part of text.split(',')) {
    const range = parseRange(part.trim())
    if (range === undefined) return err({ reason: 'bad_port' })
    ranges.push(range)
  }
  return ok(merge(ranges))
}

/** Whether `port` is in the set. */
export function portsContain(ports: PortSet, port: number): boolean {
  for (const { first, last } of ports) if (first <= port && port <= last) return true
  return false
}

/** Whether the sets share a port. */
export function portsOverlap(a: PortSet, b: PortSet): boolean {
  return a.some((x) => b.some((y) => x.first <= y.last && y.first <= x.last))
}

/** Whether every port of `inner` is in `outer`. */
export function portsCover(outer: PortSet, inner: PortSet): boolean {
  return inner.every((x) => outer.some((y) => y.first <= x.first && x.last <= y.last))
}

/** How many ports the set has. */
export function portCount(ports: PortSet): number {
  return ports.reduce((sum, { first, last }) => sum + last - first + 1, 0)
}

/** Canonical text; parsing it gives the same set. */
export function formatPorts(ports: PortSet): string {
  const text = ({ first, last }: PortRange) => (first === last ? `${first}` : `${first}-${last}`)
  const all = ports.length === 1 && ports[0]?.first === 1 && ports[0].last === PORT_LIMIT
  return all ? '*' : ports.map(text).join(',')
}

function parseRange(text: string): PortRange | undefined {
  const dash = text.indexOf('-')
  const first = parsePort(dash < 0 ? text : text.slice(0, dash))
  const last = dash < 0 ? first : parsePort(text.slice(dash + 1))
  if (!first.ok || !last.ok || first.value > last.value) return undefined
  return { first: first.value, last: last.value }
}

function merge(ranges: readonly PortRange[]): PortSet {
  const merged: PortRange[] = []
  for (const range of [...ranges].sort((a, b) => a.first - b.first)) {
    const previous = merged.at(-1)
    if (previous === undefined || range.first > previous.last + 1) merged.push(range)
    else merged[merged.length - 1] = { ...previous, last: Math.max(previous.last, range.last) }
  }
  return merged
}
