/**
 * What processes cost, read from /proc: CPU seconds with children, and resident memory.
 */
import { readdirSync, readFileSync } from 'node:fs'

/** Clock ticks per second of /proc/PID/stat on Linux (USER_HZ, fixed at 100 for user space). */
const TICKS_PER_SECOND = 100

function readOr(file: string, otherwise: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return otherwise
  }
}

/** The process and all its descendants that are alive now. */
export function family(pid: number): number[] {
  const threads = (() => {
    try {
      return readdirSync(`/proc/${pid}/task`)
    } catch {
      return []
    }
  })()
  const children = threads.flatMap((thread) =>
    readOr(`/proc/${pid}/task/${thread}/children`, '').split(' ').filter(Boolean).map(Number),
  )
  return [pid, ...children.flatMap(family)]
}

/** User plus system CPU seconds of the processes and their descendants, those reaped included. */
export function cpuSeconds(pids: readonly number[]): number {
  const ticks = pids.flatMap(family).map((pid) => {
    const stat = readOr(`/proc/${pid}/stat`, '')
    // Fields 14-17 of proc(5) after the command in parentheses: utime stime cutime cstime.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index] ?? 0), 0)
  })
  return ticks.reduce((sum, value) => sum + value, 0) / TICKS_PER_SECOND
}

/** Proportional set size in KiB (memory shared with others counted by share). */
export function memoryKib(pids: readonly number[]): number {
  const sizes = pids.flatMap(family).map((pid) => {
    const line = /^Pss:\s+(\d+)/m.exec(readOr(`/proc/${pid}/smaps_rollup`, ''))
    return Number(line?.[1] ?? 0)
  })
  return sizes.reduce((sum, value) => sum + value, 0)
}
