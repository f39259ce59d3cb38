import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { Browser } from '../../support/browser.ts'
import { formWith, type IdpOptions, startIdp } from '../../support/idp.ts'

const OPTIONS: IdpOptions = {
  host: '127.0.0.1',
  port: 0,
  redirectUri: 'https://127.0.0.1:1/oidc/callback',
  accounts: [{ email: 'demo@example.com', password: 'right', name: 'Demo', groups: ['staff'] }],
}

function authorizationUrl(issuer: string): string {
  const query = new URLSearchParams({
    client_id: 'zt',
    response_type: 'code',
    redirect_uri: OPTIONS.redirectUri,
    scope: 'openid',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
  })
  return `${issuer}/auth?${query}`
}

test('test idp: a wrong password stays at the login form', async (t) => {
  const idp = await startIdp(OPTIONS)
  t.teardown(idp.close)
  const browser = new Browser({ ca: [idp.caPem] })
  const login = await browser.open(authorizationUrl(idp.issuer))
  const again = await browser.submit(formWith(login, 'password'), {
    email: 'demo@example.com',
    password: 'wrong',
  })
  t.is(again.status, 401)
  t.true('password' in (again.forms[0]?.fields ?? {}))
})

test('test idp: runs as a program until it is told to stop', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'zt-idp-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const config = join(folder, 'idp.json')
  await writeFile(config, JSON.stringify(OPTIONS))
  const program = fileURLToPath(new URL('../../support/idp-process.js', import.meta.url))
  const child = spawn(process.execPath, [program, config], { stdio: ['ignore', 'pipe', 'ignore'] })
  t.teardown(() => child.kill('SIGKILL'))
  const exited = new Promise((resolve) => child.on('exit', resolve))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ready = JSON.parse((await lines.next()).value ?? '')
  const page = await new Browser({ ca: [ready.caPem] }).open(
    `${ready.issuer}/.well-known/openid-configuration`,
  )
  t.is(JSON.parse(page.html).issuer, ready.issuer)
  child.kill('SIGTERM')
  t.is(await exited, 0)
})
