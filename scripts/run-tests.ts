/**
 * Runs ava folder by folder on the compiled tests, prints the time each folder took and one closing line.
 * Arguments: names of folders under test/; `--full` turns on long fuzzing (ZT_FULL=1 in the tests).
 */
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { createInterface } from 'node:readline'

type Counts = { passed: number; failed: number; skipped: number }

const TESTS = 'dist/test'

function foldersWithTests(): string[] {
  const files = readdirSync(TESTS, { recursive: true, encoding: 'utf8' })
  const tests = files.filter((file) => file.endsWith('.test.js') && file.includes('/'))
  return [...new Set(tests.map((file) => file.slice(0, file.indexOf('/'))))].sort()
}

/** Counts one TAP line (version 13); plan and diagnostics count nothing. */
function countLine(line: string, counts: Counts): void {
  if (/^ok \d+ .*# (SKIP|TODO)/i.test(line)) counts.skipped++
  else if (/^ok \d+/.test(line)) counts.passed++
  else if (/^not ok \d+/.test(line)) counts.failed++
}

/** TAP of what passed, and what the identity provider of the tests and ssh say at each start. */
const NOISE =
  /^(ok |TAP version|1\.\.\d|# |oidc-provider (WARNING|NOTICE): |Pseudo-terminal will not)/

function show(line: string): void {
  if (line !== '' && !NOISE.test(line)) console.log(line)
}

async function runFolder(folder: string, counts: Counts, full: boolean): Promise<void> {
  const startedAtMs = Date.now()
  const before = { ...counts }
  const child = spawn('node_modules/.bin/ava', ['--tap', `${TESTS}/${folder}/**/*.test.js`], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...(full ? { ZT_FULL: '1' } : {}) },
  })
  const exited = new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? 1)))
  createInterface({ input: child.stderr }).on('line', show)
  for await (const line of createInterface({ input: child.stdout })) {
    countLine(line, counts)
    show(line)
  }
  const code = await exited
  const ran = counts.passed + counts.skipped - before.passed - before.skipped
  if (code !== 0 && counts.failed === before.failed) counts.failed++
  const seconds = ((Date.now() - startedAtMs) / 1000).toFixed(1)
  console.log(
    `test/${folder}: ${ran} passed, ${counts.failed - before.failed} failed in ${seconds} s`,
  )
}

const args = process.argv.slice(2)
const full = args.includes('--full')
const named = args.filter((arg) => !arg.startsWith('--'))
const counts: Counts = { passed: 0, failed: 0, skipped: 0 }
for (const folder of named.length > 0 ? named : foldersWithTests()) {
  await runFolder(folder, counts, full)
}
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
process.exitCode = counts.failed > 0 || counts.passed === 0 ? 1 : 0
