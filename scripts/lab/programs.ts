/** The compiled programs of this checkout. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const DIST = fileURLToPath(new URL('../..', import.meta.url))

/** argv that runs a compiled file, for example `gateway/main.js`. */
export function program(path: string): readonly string[] {
  return [process.execPath, join(DIST, path)]
}
