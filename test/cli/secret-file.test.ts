import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { newServiceId, newServiceSecret } from '#lib/enrol/service-credentials'
import { readSecretFile, secretFiles } from '../../cli/secret-file-os.ts'

function freshFolder(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'zt-test-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return folder
}

test('A11 T96: a secret is read from a file that nobody else can read, and from no other', (t) => {
  const file = join(freshFolder(t), 'token')
  writeFileSync(file, ' secret\n', { mode: 0o600 })
  t.deepEqual(readSecretFile(file), { ok: true, value: 'secret' })
  for (const mode of [0o640, 0o604, 0o622]) {
    chmodSync(file, mode)
    t.like(readSecretFile(file), { ok: false, error: { code: 'token_file_open' } })
  }
  t.like(readSecretFile(`${file}.none`), { error: { code: 'token_file_unreadable' } })
})

test('A11 T96: a secret goes into a new file, mode 0600, and never over what is there', (t) => {
  const path = join(freshFolder(t), 'token')
  const made = secretFiles.create(path)
  if (!made.ok) return t.fail()
  t.is(statSync(path).mode & 0o777, 0o600)
  made.value.keep('secret')
  t.is(readFileSync(path, 'utf8'), 'secret\n')
  t.like(secretFiles.create(path), { ok: false, error: { code: 'token_file_not_made' } })
  const other = secretFiles.create(`${path}2`)
  if (other.ok) other.value.discard()
  t.is(statSync(`${path}2`, { throwIfNoEntry: false }), undefined)
})

/** `zt enroll` with a token on standard input or in a file that the environment names; no daemon answers. */
function enrol(input: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const argv = ['dist/cli/main.js', '--control', '/nonexistent', 'enroll', 'https://x', ...args]
  return new Promise<string>((resolve) => {
    const all = { env: { ...process.env, ...env } }
    const child = execFile(process.execPath, argv, all, (_error, _out, stderr) => resolve(stderr))
    child.stdin?.end(input)
  })
}

test('A11 D7: enroll takes a token from standard input, or from a file that the environment names', async (t) => {
  const token = JSON.stringify({ id: newServiceId(), secret: newServiceSecret() })
  const file = join(freshFolder(t), 'token')
  writeFileSync(file, token, { mode: 0o600 })
  const named = { ZT_SERVICE_TOKEN_FILE: file }
  t.regex(await enrol(token, ['--service-token-file', '-']), /daemon_not_running/)
  t.regex(await enrol('', [], named), /daemon_not_running/)
  const half = await enrol(token.slice(0, -3), ['--service-token-file', '-'])
  t.regex(half, /bad_service_token/)
  t.notRegex(half, /ztsvc_/)
  chmodSync(file, 0o644)
  t.regex(await enrol('', [], named), /token_file_open/)
})
