/** The resolv.conf that a program inside sees: our server, and what else stood there. Pure. */
import { withoutServers } from '../machine/resolv-conf.ts'

/** @param original text of the machine's own (resolv.conf(5)). */
export function insideResolvConf(original: string, server: string): string {
  const lines = ['# Of zt run.', `nameserver ${server}`, ...withoutServers(original)]
  return `${lines.join('\n')}\n`
}
