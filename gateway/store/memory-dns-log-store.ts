/** The DNS log of the store that forgets at exit. */
import type { NumberedLine } from '../dns/dns-log-line.ts'
import { surplusLines } from '../dns/fair-room.ts'
import { agedAmong } from './aged-rows.ts'
import { DNS_LOG_LINES, type Store } from './store.ts'

export function memoryDnsLog(mostLines = DNS_LOG_LINES): Store['dnsLog'] {
  let lines: NumberedLine[] = []
  let sequence = 0
  return {
    add(line) {
      sequence += 1
      lines = withoutSurplus([...lines, { ...line, sequence }], mostLines)
    },
    list: ({ limit, before = Number.MAX_SAFE_INTEGER }) =>
      lines
        .filter((line) => line.sequence < before)
        .toReversed()
        .slice(0, limit),
    aged: (page) =>
      agedAmong(
        lines.map(({ atMs, sequence: id }) => ({ atMs, id, mayGo: true })),
        page,
      ),
    remove(ids) {
      lines = lines.filter((line) => !ids.includes(line.sequence))
    },
  }
}

function withoutSurplus(lines: readonly NumberedLine[], most: number): NumberedLine[] {
  const counts = new Map<string, number>()
  for (const { deviceId } of lines) counts.set(deviceId, (counts.get(deviceId) ?? 0) + 1)
  const surplus = new Map(surplusLines(counts, most))
  return lines.filter(({ deviceId }) => {
    const left = surplus.get(deviceId) ?? 0
    surplus.set(deviceId, left - 1)
    return left <= 0
  })
}
