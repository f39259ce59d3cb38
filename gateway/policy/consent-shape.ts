/**
 * What a policy asks of a person beyond its condition, as written: a purpose, and the consent of others.
 */
import {
  defaulted,
  list,
  mapping,
  optional,
  required,
  type ValueOf,
} from '#lib/config/mapping-shape'
import { wholeNumber } from '#lib/config/shape'
import { duration } from '#lib/config/text-shapes'
import type { AccessPolicy } from './document.ts'
import { selector } from './selector.ts'

const HOUR_MS = 3_600_000
const MOST_APPROVERS = 10

const justify = mapping(
  { valid_for: defaulted(duration, 'How long a purpose counts.', 8 * HOUR_MS, '8h') },
  'what a purpose must be',
)
const approval = mapping(
  {
    approvers: required(
      list(selector, { kind: 'a list of selectors such as [{ group: leads }]', min: 1 }),
      'Who may approve: any of these; never the one who asks.',
    ),
    needed: defaulted(wholeNumber(1, MOST_APPROVERS), 'How many must.', 1),
    valid_for: defaulted(duration, 'How long an approval counts.', HOUR_MS, '1h'),
  },
  'who approves, and for how long',
)

/** Keys of a policy. */
export const consentFields = {
  justify: optional(justify, 'The person must state a purpose first, which is recorded.'),
  approval: optional(approval, 'Others must approve first: temporary access.'),
} as const

/** The consent that is asked for, as the document has it, and the rest of what was written. */
export function splitConsent<T extends ValueOf<typeof consentFields>>(written: T) {
  const { justify: purpose, approval: by, ...rest } = written
  const consent: Pick<AccessPolicy, 'justify' | 'approval'> = {
    ...(purpose !== undefined && { justify: { validForMs: purpose.valid_for } }),
    ...(by !== undefined && {
      approval: { approvers: by.approvers, needed: by.needed, validForMs: by.valid_for },
    }),
  }
  return { consent, rest }
}
