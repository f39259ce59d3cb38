import type { Reason } from '../policy/reasons.ts'

/** Why a flow did not reach its target; `gone` when it was cut, or nobody waits for it any more. */
export type Missed = Reason | 'gone'
