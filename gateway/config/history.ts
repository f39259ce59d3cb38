/** How long history is kept, as written. */
import { defaulted, mapping, type ValueOf } from '#lib/config/mapping-shape'
import { checked, type Shape } from '#lib/config/shape'
import { duration } from '#lib/config/text-shapes'

/** How long each history is kept, ms; Infinity is for ever. */
export type HistoryKept = { readonly flowsMs: number; readonly dnsLogMs: number }

const DAY_MS = 86_400_000

const days = checked(duration, (value, path) =>
  value >= DAY_MS ? [] : [{ path, message: 'history is kept for 1d at least' }],
)

/** From a day on, or for ever. */
const keepingTime: Shape<number> = {
  kind: 'a duration of 1d or more, or forever',
  decode: (value, path) =>
    value === 'forever'
      ? { value: Number.POSITIVE_INFINITY, mistakes: [] }
      : days.decode(value, path),
}

/** What counts where nothing is written. */
export const HISTORY_DEFAULT = { keep_flows: 90 * DAY_MS, keep_dns_log: 30 * DAY_MS }

const fields = {
  keep_flows: defaulted(
    keepingTime,
    'Records of flows, from their end on. That of a flow that goes on stays, and that of one with a recording.',
    HISTORY_DEFAULT.keep_flows,
    '90d',
  ),
  keep_dns_log: defaulted(
    keepingTime,
    'Lines of the DNS log; of all devices together a million stay at most.',
    HISTORY_DEFAULT.keep_dns_log,
    '30d',
  ),
} as const

type Written = ValueOf<typeof fields>

export const historyShape: Shape<Written> = mapping(fields, 'how long history is kept')

export function toHistoryKept({ keep_flows, keep_dns_log }: Written): HistoryKept {
  return { flowsMs: keep_flows, dnsLogMs: keep_dns_log }
}
