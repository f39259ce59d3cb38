/** The name servers of this machine, as programs of it find them. */
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import type { DnsServer } from '#lib/dns/server'
import { nameserversOf } from '../machine/resolv-conf.ts'

const FILE = '/etc/resolv.conf'
const PORT = 53

/** As they are now; none where there is no file. */
export function systemServers(): readonly DnsServer[] {
  const hosts = nameserversOf(read()).filter((host) => isIP(host.split('%')[0] ?? '') !== 0)
  return hosts.map((host) => ({ host, port: PORT }))
}

function read(): string {
  try {
    return readFileSync(FILE, 'utf8')
  } catch {
    return ''
  }
}
