/** Inputs that campaigns begin with: recorded from real programs, and every input that once broke a parser. */

import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const FOLDER = 'test/vectors/fuzz'

/** @throws {Error} when there is none: a campaign from nothing finds nothing. */
export function corpusOf(parser: string): readonly Buffer[] {
  const folder = join(FOLDER, parser)
  const inputs = readdirSync(folder)
    .sort()
    .map((file) => readFileSync(join(folder, file)))
  if (inputs.length === 0) throw new Error(`no corpus in ${folder}`)
  return inputs
}

/** Keeps an input, named by its content. @returns the file. */
export function keepInput(parser: string, input: Buffer, prefix: string): string {
  const folder = join(FOLDER, parser)
  mkdirSync(folder, { recursive: true })
  const digest = createHash('sha256').update(input).digest('hex').slice(0, 12)
  const file = join(folder, `${prefix}-${digest}.bin`)
  writeFileSync(file, input)
  return file
}
