/** Buffers of streams, for programs whose work is to carry bytes. */
import { setDefaultHighWaterMark } from 'node:stream'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Octets that a stream takes before it says stop. Node's own 16 KiB make a relay over node:http2 wait for the peer
 * after every read; a quarter less CPU and a fifth more throughput were measured with this.
 */
const BUFFER_BYTES = 256 * 1024
/**
 * Octets of buffers made between two collections. After a quiet time V8 marks its whole heap each time that this heap
 * and its buffers grew by 8 MiB (kRegularAllocationLimitGrowingStep of its source): half of that keeps away from it.
 */
const COLLECT_EVERY_BYTES = 4 * 1024 * 1024

/** V8's own collector, if it can be had: absent, V8 decides alone. */
type Collect = (options: { readonly type: 'minor' }) => void

/** Sets the default of this process; for `main` to call before it opens a socket. */
export function useBulkBuffers(): void {
  setDefaultHighWaterMark(false, BUFFER_BYTES)
}

/** Undefined until the first collection is due. */
let collect: Collect | 'absent' | undefined
let madeBytes = 0

/**
 * For a relay to call with each bulk chunk it was given or made. V8 would find only by marking its whole heap that
 * nearly all of these buffers are dead: a fifth of the gateway's time. Freed young they cost a third of a millisecond
 * at a time, and the heap is left alone.
 */
export function collectBulk(octets: number): void {
  madeBytes += octets
  if (madeBytes < COLLECT_EVERY_BYTES) return
  madeBytes = 0
  collect ??= exposedCollector() ?? 'absent'
  if (collect !== 'absent') collect({ type: 'minor' })
}

function exposedCollector(): Collect | undefined {
  // So little is alive that waking other threads to look for it costs more than looking: half as long without them.
  setFlagsFromString('--no-parallel-scavenge')
  setFlagsFromString('--expose-gc')
  const found: unknown = runInNewContext('typeof gc === "function" ? gc : undefined')
  // New contexts, of which we make none, would have it too.
  setFlagsFromString('--no-expose-gc')
  return typeof found === 'function' ? (found as Collect) : undefined
}
