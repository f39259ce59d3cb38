/** koffi, through which the Linux kernel is asked what Node does not offer. It is optional: proxy mode does without. */
import { createRequire } from 'node:module'

type Koffi = typeof import('koffi')

/** undefined where it is not installed, was not made for this machine, or the kernel is another. */
export function loadKoffi(): Koffi | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    return createRequire(import.meta.url)('koffi') as Koffi
  } catch {
    return undefined
  }
}
