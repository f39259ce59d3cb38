/** Opens a TUN while descriptors are left for itself alone, then again with plenty; says what came of both. */
import { closeSync, openSync } from 'node:fs'
import { openTun } from '../../daemon/intercept/tun-os.ts'

const outcome = (): string => {
  try {
    const opened = openTun('zt0')
    if (opened.ok) opened.value.close()
    return opened.ok ? 'opened' : opened.error.reason
  } catch (error) {
    return String(error)
  }
}

// Loads what is loaded at first use.
outcome()
const held: number[] = []
try {
  for (;;) held.push(openSync('/dev/null', 'r'))
} catch {
  closeSync(held.pop() ?? -1)
}
const without = outcome()
for (const fd of held) closeSync(fd)
process.stdout.write(`${JSON.stringify([without, outcome()])}\n`)
