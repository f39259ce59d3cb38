/** The clocks of this machine. */
import { readFileSync } from 'node:fs'
import { uptime } from 'node:os'
import { performance } from 'node:perf_hooks'
import type { Moment } from '#lib/moment'

export const momentNow = (): Moment => ({ wallMs: Date.now(), steadyMs: performance.now() })

/** The same by a clock that counts since the machine was booted, through sleep: it outlives this process. */
export const bootMomentNow = (): Moment => ({ wallMs: Date.now(), steadyMs: uptime() * 1000 })

/** Tells one boot from another (random(4)); undefined where the system has no such thing. */
export function bootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return undefined
  }
}
