/**
 * From `init` to a device that is enrolled, with nothing but the gateway: the embedded directory.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import Database from 'better-sqlite3'
import { Browser } from '../support/browser.ts'
import { freeAddress } from '../support/free-address.ts'
import {
  BLOCK_PUBLIC,
  configText,
  gatewayCommand,
  initOrganisation,
  startGatewayProcess,
} from '../support/gateway-process.ts'
import { formWith, text } from '../support/idp.ts'
import { beginEnrolment, postJson } from '../support/login-rig.ts'

const ANN = 'ann@example.com'
const PASSWORD = 'a fine long password'

test('D7 A6 T96: added at the command line, let in by a browser, changed and disabled while the gateway runs', async (t) => {
  const { dir, config, write } = await initOrganisation(t)
  const { host, port } = await freeAddress()
  const url = `https://${host}:${port}`
  write(
    configText(BLOCK_PUBLIC)
      .replace(/^ {2}identity_providers: \[\]\n/m, '')
      .replace(/^ {2}login: .*$/m, `  login: { listen: "${host}:${port}", url: "${url}" }`),
  )
  const gateway = startGatewayProcess(t, config)
  await gateway.line(/ready/)
  const users = async (...words: string[]) => {
    const done = await gatewayCommand('users', ...words, '--config', config, '--json')
    t.is(done.code, 0, done.stderr)
    return JSON.parse(done.stdout)
  }
  const { password } = await users('add', ANN, '--group', 'engineers')
  const db = new Database(join(dir, 'data', 'zt.db'), { readonly: true })
  t.teardown(() => db.close())
  const caPem = readFileSync(join(dir, 'data', 'keys', 'gateway-ca.crt'), 'utf8')
  const post = (path: string, body: unknown) => postJson(new URL(path, url), body, caPem)
  const { userCode, deviceCode } = await beginEnrolment({ post })

  const browser = new Browser({ ca: [caPem] })
  const start = await browser.open(`${url}/device`)
  const shown = await browser.submit(formWith(start, 'user_code'), { user_code: userCode })
  const link = shown.links.find((href) => new URL(href).searchParams.has('provider')) ?? ''
  const asked = await browser.open(link)
  const change = await browser.submit(formWith(asked, 'password'), { email: ANN, password })
  t.regex(text(change), /Choose a password/)
  const chosen = { new_password: PASSWORD, again: PASSWORD }
  const confirm = await browser.submit(formWith(change, 'again'), chosen)
  t.regex(text(confirm), /Account ann@example\.com/)
  const done = await browser.submit(formWith(confirm, 'decision'), {}, 'approve')
  t.regex(text(done), /Device connected/)
  t.like(await post('/enrol/token', { device_code: deviceCode }), { status: 200 })

  const row = () =>
    db
      .prepare<[], object>('SELECT groups_json AS groups, disabled_at_ms AS disabled FROM users')
      .all()
  t.deepEqual(row(), [{ groups: '["engineers"]', disabled: null }])
  await users('set-groups', ANN, '--group', 'staff')
  t.deepEqual(row(), [{ groups: '["staff"]', disabled: null }])
  const { disabled_at: disabledAt } = await users('disable', ANN)
  t.deepEqual(row(), [{ groups: '["staff"]', disabled: Date.parse(disabledAt) }])
  t.deepEqual(
    (await users('list')).map((one: { email: string }) => one.email),
    [ANN],
  )
  const log = gateway.log.join('\n')
  for (const secret of [password, PASSWORD]) t.false(log.includes(secret))
})
