/** Lets the program inside send pings without rights, as systems commonly do outside (icmp(7)). */
import { writeFileSync } from 'node:fs'

/** Of the network namespace that we are in; in a new one nobody may. */
const MAY_PING = '/proc/sys/net/ipv4/ping_group_range'

/** Where /proc/sys is read-only, as in some containers, only a ping with CAP_NET_RAW works. */
export function allowPing(gid: number): void {
  try {
    writeFileSync(MAY_PING, `${gid} ${gid}`)
  } catch {
    // Everything else works all the same.
  }
}
