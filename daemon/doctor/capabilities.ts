/** Capabilities as /proc/PID/status says them (capabilities(7)). Pure. */

const CAP_NET_ADMIN = 12n

/** Whether CAP_NET_ADMIN is in the effective set; false for a text that says nothing of it. */
export function hasNetAdmin(status: string): boolean {
  const hex = /^CapEff:\s*([0-9a-f]{1,16})$/m.exec(status)?.[1]
  return hex !== undefined && ((BigInt(`0x${hex}`) >> CAP_NET_ADMIN) & 1n) === 1n
}
