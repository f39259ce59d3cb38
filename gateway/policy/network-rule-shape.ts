/**
 * Lines of the network phase as written: rules, and the line that places the applications among them.
 */
import { list, mapping, required } from '#lib/config/mapping-shape'
import { isMapping, mapped, oneOf, type Shape, wholeNumber } from '#lib/config/shape'
import { name } from '#lib/config/text-shapes'
import { destination } from './destination.ts'
import type { ApplicationPhase, NetworkRule } from './document.ts'
import { splitTiming, timingFields } from './schedule-shape.ts'
import { conditionFields } from './selector.ts'

const PRECEDENCE = wholeNumber(0, 1_000_000)

const rule: Shape<NetworkRule> = mapped(
  mapping(
    {
      name: required(name, 'What records and traces call it.'),
      precedence: required(PRECEDENCE, 'Lower comes first; no two lines share one.'),
      action: required(
        oneOf('allow', 'block', 'continue'),
        'What it does when it matches; `continue` only leaves a trace.',
      ),
      destinations: required(
        list(destination, { kind: 'a list of destinations', min: 1 }),
        'Hosts and ports, `HOST:PORTS`, or `HOST/icmp`; where no `/tcp`, `/udp` or `/icmp` follows, `allow` is about TCP, and the others are about everything.',
      ),
      ...conditionFields,
      ...timingFields,
    },
    'a network rule',
  ),
  (written): NetworkRule => {
    const { timing, rest } = splitTiming(written)
    return { kind: 'rule', ...rest, timing }
  },
)

const phase: Shape<ApplicationPhase> = mapped(
  mapping(
    {
      phase: required(oneOf('application'), 'Applications are looked at here.'),
      precedence: required(PRECEDENCE, 'Lower comes first; no two lines share one.'),
    },
    'the application phase',
  ),
  ({ precedence }) => ({ kind: 'application_phase', precedence }),
)

/** The shape of one line; `phase` tells the two apart. */
export const networkRuleShape: Shape<NetworkRule | ApplicationPhase> = {
  kind: 'a network rule, or { phase: application, precedence: N }',
  decode: (value, path) =>
    isMapping(value) && Object.hasOwn(value, 'phase')
      ? phase.decode(value, path)
      : rule.decode(value, path),
  ...(rule.fields && { fields: rule.fields }),
}
