import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { formatMistakes } from '../../../gateway/config.ts'
import { loadConfig } from '../../../gateway/config-store.ts'
import { loadConfigApart } from '../../../gateway/config-thread-os.ts'
import { largePolicyText } from '../../../scripts/lab/large-policy.ts'

const TEXT = `gateway:
  organisation: Example
  data: ./data
  tunnel: { listen: "0.0.0.0:8443", url: "https://gw.example.com:8443" }
  login: { listen: "0.0.0.0:7443", url: "https://login.example.com:7443" }
  admin: { listen: "127.0.0.1:7444", url: "https://admin.example.com:7444" }
  identity_providers:
    - { name: corp, kind: oidc, issuer: "https://idp.example.com", client_id: zt, client_secret_file: idp.secret }
  recordings: { recipients_file: recipients.jws }
policy: {}
`

async function folder(t: ExecutionContext): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'zt-config-'))
  t.teardown(() => rm(made, { recursive: true }))
  await writeFile(join(made, 'zt.yaml'), TEXT)
  return made
}

test('loads a configuration whose files are there', async (t) => {
  const at = await folder(t)
  await writeFile(join(at, 'idp.secret'), 'x', { mode: 0o600 })
  await writeFile(join(at, 'recipients.jws'), 'x')
  const loaded = await loadConfig(join(at, 'zt.yaml'))
  t.is(
    loaded.ok ? loaded.value.gateway.data : formatMistakes(loaded.error),
    join(at, '/./data').replace('/data', '/./data'),
  )
})

test('reports every file that is missing, with its line', async (t) => {
  const at = await folder(t)
  const loaded = await loadConfig(join(at, 'zt.yaml'))
  const wanted = [
    `${at}/zt.yaml:8: gateway.identity_providers[0].client_secret_file: ${at}/idp.secret cannot be read: there is no such file`,
    `${at}/zt.yaml:9: gateway.recordings.recipients_file: ${at}/recipients.jws cannot be read: there is no such file`,
  ]
  t.is(loaded.ok ? '' : formatMistakes(loaded.error), wanted.join('\n'))
})

test('refuses a secret that every user can read', async (t) => {
  const at = await folder(t)
  await writeFile(join(at, 'recipients.jws'), 'x')
  await writeFile(join(at, 'idp.secret'), 'x')
  await chmod(join(at, 'idp.secret'), 0o644)
  const loaded = await loadConfig(join(at, 'zt.yaml'))
  t.regex(loaded.ok ? '' : formatMistakes(loaded.error), /chmod 600 it$/)
})

const logos: Readonly<Record<string, readonly [Buffer | string, boolean]>> = {
  'an SVG': [
    '<?xml version="1.0"?>\n<!-- ours -->\n<svg xmlns="http://www.w3.org/2000/svg"/>',
    true,
  ],
  'a PNG': [Buffer.from('89504e470d0a1a0a0000', 'hex'), true],
  'an HTML page': ['<html><script>alert(1)</script></html>', false],
  'an SVG with a DOCTYPE': ['<!DOCTYPE svg [<!ENTITY a "b">]><svg/>', false],
  'an SVG above 64 KiB': [`<svg>${' '.repeat(65_536)}</svg>`, false],
  nothing: ['', false],
}
for (const [title, [content, isOne]] of Object.entries(logos)) {
  test(`A6: ${title} is ${isOne ? 'a' : 'no'} logo`, async (t) => {
    const at = await folder(t)
    await writeFile(join(at, 'recipients.jws'), 'x')
    await writeFile(join(at, 'idp.secret'), 'x', { mode: 0o600 })
    await writeFile(join(at, 'logo'), content)
    const text = TEXT.replace('  data:', '  login_page: { logo_file: logo }\n  data:')
    await writeFile(join(at, 'zt.yaml'), text)
    const loaded = await loadConfig(join(at, 'zt.yaml'))
    const wanted = `${at}/zt.yaml:3: gateway.login_page.logo_file: ${at}/logo is not a PNG or SVG file of at most 64 KiB`
    t.is(loaded.ok ? '' : formatMistakes(loaded.error), isOne ? '' : wanted)
  })
}

test('a file that is not there is a mistake like any other', async (t) => {
  const loaded = await loadConfig('/nonexistent/zt.yaml')
  t.is(
    loaded.ok ? '' : formatMistakes(loaded.error),
    '/nonexistent/zt.yaml:1: (top): the file cannot be read: there is no such file',
  )
})

/** Whoever runs meanwhile gets a turn each time round the event loop. */
async function turnsDuring(work: Promise<unknown>): Promise<number> {
  let turns = 0
  let isOver = false
  void work.finally(() => {
    isOver = true
  })
  while (!isOver) {
    await new Promise((resolve) => setImmediate(resolve))
    turns++
  }
  return turns
}

test('a large configuration is read in a thread of its own, to the same frozen values', async (t) => {
  const at = await folder(t)
  const file = join(at, 'zt.yaml')
  await writeFile(join(at, 'idp.secret'), 'x', { mode: 0o600 })
  await writeFile(join(at, 'recipients.jws'), 'x')
  const policy = largePolicyText({ applications: 200, rules: 20, identities: 1000 })
  const { policy: written } = JSON.parse(policy)
  await writeFile(file, TEXT.replace('policy: {}', `policy: ${JSON.stringify(written)}`))
  const apart = loadConfigApart(file)
  t.true((await turnsDuring(apart)) > 100)
  const loaded = await apart
  if (!loaded.ok) return t.fail(formatMistakes(loaded.error))
  const here = await loadConfig(file)
  t.deepEqual(loaded, here)
  t.true(Object.isFrozen(loaded.value.policy.applications[0]?.destinations))
  return undefined
})

test('what is wrong with a configuration is told by the thread as it is found', async (t) => {
  const at = await folder(t)
  const file = join(at, 'zt.yaml')
  t.deepEqual(await loadConfigApart(file), await loadConfig(file))
  const nowhere = join(at, 'nowhere.yaml')
  t.deepEqual(await loadConfigApart(nowhere), await loadConfig(nowhere))
})
