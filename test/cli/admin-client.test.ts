/** `zt admin …` as a program, against admin origins that break. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { adminAt } from '../../cli/admin-client.ts'
import { EXIT } from '../../cli/cli-io.ts'
import { deferred } from '../support/deferred.ts'
import { runProgram } from '../support/run-program.ts'
import { throwawayCa } from '../support/throwaway-ca.ts'

const TOKEN = 'correct-horse'
/** A program that hangs is killed before its own time-outs could end it. */
const LIMIT_MS = 12_000

async function startAdmin(t: ExecutionContext, answer: RequestListener) {
  const ca = await throwawayCa()
  const { certPem, keyPem } = await ca.issue('127.0.0.1')
  const folder = mkdtempSync(join(tmpdir(), 'zt-admin-'))
  const [caFile, tokenFile] = [join(folder, 'ca.pem'), join(folder, 'token')]
  writeFileSync(caFile, ca.caPem)
  writeFileSync(tokenFile, TOKEN, { mode: 0o600 })
  const server = https.createServer({ cert: certPem, key: keyPem }, answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
    rmSync(folder, { recursive: true })
  })
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  const options = ['--admin-url', url, '--admin-ca', caFile, '--admin-token-file', tokenFile]
  return {
    folder,
    admin: adminAt({ url, caFile, token: TOKEN }),
    zt: (...args: string[]) =>
      runProgram([process.execPath, 'dist/cli/main.js', ...options, ...args], '', LIMIT_MS),
  }
}

/** Answers with half of a body. */
const half =
  (status: number): RequestListener =>
  (_request, response) => {
    response.writeHead(status, { 'content-length': 100 })
    response.write('{"half":', () => response.destroy())
  }

test('D11: an answer that breaks off is a failure with a reason', async (t) => {
  const { admin } = await startAdmin(t, half(200))
  t.like(await admin.getJson('/api/v1/devices'), { error: { code: 'broken_off' } })
  t.like(await admin.postJson('/api/v1/devices', {}), { error: { code: 'broken_off' } })
})

test('D11: a refusal that breaks off is still a refusal', async (t) => {
  const { admin } = await startAdmin(t, half(403))
  t.like(await admin.getJson('/x'), { error: { code: 'http_403', exitCode: EXIT.denied } })
})

test('S9 D11: a recording that breaks off is a failure with a reason', async (t) => {
  const { zt, folder } = await startAdmin(t, half(200))
  const key = join(folder, 'auditor.key')
  t.is((await zt('recordings', 'keygen', '--out', key)).code, EXIT.ok)
  const { code, stderr } = await zt('recordings', 'play', 'some-id', '--key', key)
  t.regex(stderr, /^zt: .* \(broken_off\)\n$/)
  t.is(code, EXIT.failed)
})

test('A11 D11: a service token whose answer breaks off leaves no file behind', async (t) => {
  const { zt, folder } = await startAdmin(t, half(200))
  const out = join(folder, 'backup.token')
  const { code, stderr } = await zt('admin', 'service-tokens', 'create', 'backup', '--out', out)
  t.regex(stderr, /^zt: .* \(broken_off\)\n$/)
  t.is(code, EXIT.failed)
  t.false(existsSync(out))
})

test('G11: admin logs access --follow ends when looking back fails', async (t) => {
  const left = deferred<void>()
  const { zt } = await startAdmin(t, ({ url = '' }, response) => {
    if (url.includes('follow')) response.on('close', left.resolve).write('{"type":"following"}\n')
    else response.writeHead(500).end('{"error":{"code":"store_broken","message":"No."}}')
  })
  const { code, stderr } = await zt('admin', 'logs', 'access', '--follow')
  t.regex(stderr, /store_broken/)
  t.is(code, EXIT.failed)
  await left.promise
})
