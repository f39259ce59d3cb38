/** What `zt status` shows of transparent mode. Pure. */
import type { TransparentStatus } from '#lib/api/control-api'
import { formatAddress } from '#lib/net/address'
import { formatPrefix } from '#lib/net/prefix'
import type { DeviceNames } from '../device-names-client.ts'
import type { Failure } from './failure.ts'
import type { TakenOver } from './take-over-os.ts'

export type TransparentFacts = {
  readonly taken: TakenOver | undefined
  readonly refused: Failure | undefined
  readonly names: Pick<DeviceNames, 'resolverAddresses' | 'counters'>
}

export function transparentStatus({ taken, refused, names }: TransparentFacts): TransparentStatus {
  if (refused !== undefined) return { state: 'refused', ...refused }
  if (taken === undefined) return { state: 'off' }
  const { interception, leftOut } = taken
  const { packets, dropped, open } = interception.counters
  return {
    state: 'on',
    mode: interception.mode,
    ...(interception.warning !== undefined && { detail: interception.warning }),
    leftOut: leftOut.map(({ prefix, reason }) => `${formatPrefix(prefix)} (${reason})`),
    counters: { packets, dropped: { ...dropped }, open: { ...open } },
    resolver: { ...taken.names.state, ...resolverStatus(names) },
  }
}

type ResolverStatus = NonNullable<TransparentStatus['resolver']>

function resolverStatus({
  resolverAddresses,
  counters,
}: TransparentFacts['names']): Omit<ResolverStatus, 'mode' | 'reason' | 'detail'> {
  const { queries, ours, forwarded, strayAnswers, refused } = counters
  const happened = Object.entries(refused).filter(([, count]) => count > 0)
  return {
    addresses: resolverAddresses.map(formatAddress),
    ...{ queries, ours, forwarded, strayAnswers },
    refused: Object.fromEntries(happened),
  }
}
