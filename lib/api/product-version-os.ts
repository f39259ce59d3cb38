/** The version of the product, from the package that this file belongs to. */
import { readFileSync } from 'node:fs'

/** @returns the version of package.json, such as 0.1.0. @throws {Error} when the package has lost it. */
export function productVersion(): string {
  const [compiled, source] = ['../../../package.json', '../../package.json']
  const file = import.meta.url.endsWith('.js') ? compiled : source
  const text = readFileSync(new URL(file ?? '', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
