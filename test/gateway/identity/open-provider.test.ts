import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import type { IdentityProviderConfig } from '../../../gateway/config/identity-providers.ts'
import { decodeConfig, formatMistakes } from '../../../gateway/config.ts'
import { openProvider } from '../../../gateway/identity/open-provider-os.ts'
import { openMemoryStore } from '../../../gateway/store/memory-store.ts'
import { startGithub } from '../../support/github.ts'
import { asking } from '../../support/local-directory.ts'
import { MAIL_PASSWORD, MAIL_USER, startMailServer } from '../../support/mail-server.ts'

const QUIET = { info() {}, warn() {}, error() {} }
const DEPS = {
  loginOrigin: 'https://login.example.com',
  organisation: 'Example',
  log: QUIET,
  now: Date.now,
}

/** A provider as it stands in a file `zt.yaml` of a folder, with the files beside it. */
function configured(folder: string, yaml: string): IdentityProviderConfig {
  const listener = (name: string) => `{ listen: "127.0.0.1:0", url: "https://${name}.example.com" }`
  const text = `gateway:
  organisation: Example
  data: data
  tunnel: ${listener('gw')}
  login: ${listener('login')}
  admin: ${listener('admin')}
  identity_providers:
    - ${yaml}
policy: {}
`
  const decoded = decodeConfig(text, join(folder, 'zt.yaml'))
  if (!decoded.ok) throw new Error(formatMistakes(decoded.error))
  const [provider] = decoded.value.gateway.identityProviders
  if (provider === undefined) throw new Error('no provider')
  return provider
}

function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'zt-providers-'))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

test('A6: one-time PINs as the configuration says: the mail arrives over TLS, with the login of the file', async (t) => {
  const mail = await startMailServer(t)
  const folder = folderOf({ 'mail.secret': `${MAIL_PASSWORD}\n`, 'ca.pem': mail.caPem })
  t.teardown(() => rmSync(folder, { recursive: true }))
  const login = `user: ${MAIL_USER}, password_file: mail.secret, ca_file: ca.pem`
  const server = `host: 127.0.0.1, port: ${mail.port}, from: zt@example.com`
  const config = configured(
    folder,
    `{ name: mail, kind: pin, ${server}, ${login}, allow: [example.com] }`,
  )
  const provider = openProvider(config, { ...DEPS, store: openMemoryStore() })
  if (provider.kind !== 'form') return t.fail()
  const typed = new Map([['email', 'ann@example.com']])
  const { pending } = asking(await provider.answer(typed, provider.begin().pending, '192.0.2.1'))
  const { text, to } = await mail.next()
  t.is(to, 'ann@example.com')
  const pin = /\b\d{6}\b/.exec(text)?.[0] ?? ''
  const done = await provider.answer(new Map([['pin', pin]]), pending, '192.0.2.1')
  t.like(done, { kind: 'done', identity: { provider: 'mail', email: 'ann@example.com' } })
})

test('A6: GitHub as the configuration says', async (t) => {
  const github = await startGithub(t)
  const folder = folderOf({ 'github.secret': 'the secret of the app\n', 'ca.pem': github.caPem })
  t.teardown(() => rmSync(folder, { recursive: true }))
  const urls = `web_url: "${github.url}", api_url: "${github.url}/api/v3", ca_file: ca.pem`
  const app = 'client_id: Iv1.8a61f9b3a7aba766, client_secret_file: github.secret'
  const config = configured(folder, `{ name: hub, kind: github, ${app}, ${urls} }`)
  const provider = openProvider(config, { ...DEPS, store: openMemoryStore() })
  if (provider.kind !== 'redirect') return t.fail()
  const begun = await provider.begin({})
  if (!begun.ok) return t.fail(begun.error.reason)
  const { url, pending } = begun.value
  t.is(new URL(url).searchParams.get('redirect_uri'), 'https://login.example.com/github/callback')
  t.like(await provider.finish(github.authorize(url), pending), {
    ok: true,
    value: { provider: 'hub', email: 'octocat@github.com' },
  })
})

test('A6: the local directory as the configuration says', (t) => {
  const config = configured('/', '{ name: here, kind: local }')
  const provider = openProvider(config, { ...DEPS, store: openMemoryStore() })
  t.like(provider, { kind: 'form', name: 'here' })
})

test('a provider whose file is gone is not opened', (t) => {
  const app = 'client_id: x, client_secret_file: nowhere'
  const config = configured('/nonexistent', `{ name: hub, kind: github, ${app} }`)
  t.throws(() => openProvider(config, { ...DEPS, store: openMemoryStore() }), { code: 'ENOENT' })
})
