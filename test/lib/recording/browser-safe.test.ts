import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test from 'ava'

/** What a browser may load besides our own files. */
const PACKAGES = ['jose', 'zod', '@xterm/headless']

/** Compiled files that `file` imports, itself included; adds what else it imports to `foreign`. */
function reach(file: string, seen: Set<string>, foreign: Set<string>): void {
  if (seen.has(file)) return
  seen.add(file)
  for (const [, from = ''] of readFileSync(file, 'utf8').matchAll(/\bfrom\s*['"]([^'"]+)['"]/g)) {
    if (from.startsWith('.')) reach(join(dirname(file), from), seen, foreign)
    else if (from.startsWith('#lib/')) reach(`dist/lib/${from.slice(5)}.js`, seen, foreign)
    else foreign.add(from)
  }
}

for (const entry of [
  'lib/recording/recording-reader.js',
  'lib/recording/verify.js',
  'lib/recording/asciicast.js',
  'lib/recording/text-view.js',
  'lib/recording/json-lines.js',
  'lib/recording/typescript.js',
  'lib/recording/command-index.js',
  'lib/recording/recipient-list.js',
  'lib/seal/recipient-key.js',
]) {
  test(`S9: ${entry} runs in a browser: no Node module, no Buffer`, (t) => {
    const [seen, foreign] = [new Set<string>(), new Set<string>()]
    reach(join('dist', entry), seen, foreign)
    t.deepEqual(
      [...foreign].filter((name) => !PACKAGES.includes(name)),
      [],
    )
    for (const file of seen) {
      const code = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
      t.notRegex(code, /\b(Buffer|process)\b/, file)
    }
  })
}
