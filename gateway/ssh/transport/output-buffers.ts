/** Large output buffers, shared by all transports: what an idle session holds is nothing. They hold ciphertext only. */

/** Large writes cost fewer system calls; more than this gained nothing when measured. */
export const OUTPUT_BUFFER_OCTETS = 256 * 1024
/** Buffers kept for reuse: 8 MiB in all. */
const KEPT = 32

const free: Buffer[] = []

export function takeOutputBuffer(): Buffer {
  return free.pop() ?? Buffer.allocUnsafeSlow(OUTPUT_BUFFER_OCTETS)
}

/** Gives a buffer back; one of another size is left to the garbage collector. */
export function giveOutputBuffer(buffer: Buffer): void {
  if (buffer.length === OUTPUT_BUFFER_OCTETS && free.length < KEPT) free.push(buffer)
}
