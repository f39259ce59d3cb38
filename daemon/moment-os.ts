/** The two clocks of this machine. */
import { performance } from 'node:perf_hooks'
import type { Moment } from '#lib/moment'

export const momentNow = (): Moment => ({ wallMs: Date.now(), steadyMs: performance.now() })
