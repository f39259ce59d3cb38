/** The DNS log of the store that forgets at exit. */
import type { NumberedLine } from '../dns/dns-log-line.ts'
import { DNS_LOG_KEEPS, type Store } from './store.ts'

export function memoryDnsLog(keeps = DNS_LOG_KEEPS): Store['dnsLog'] {
  let lines: NumberedLine[] = []
  let sequence = 0
  return {
    add(line) {
      sequence += 1
      const oldestMs = line.atMs - keeps.ms
      const all = [...lines, { ...line, sequence }].slice(-keeps.lines)
      lines = all.filter(({ atMs }) => atMs >= oldestMs)
    },
    list: ({ limit, before = Number.MAX_SAFE_INTEGER }) =>
      lines
        .filter((line) => line.sequence < before)
        .toReversed()
        .slice(0, limit),
  }
}
