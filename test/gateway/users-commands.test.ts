import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import Database from 'better-sqlite3'
import { parseEntry } from '#lib/audit/audit-entry'
import { openPasswords } from '../../gateway/identity/local/passwords.ts'
import {
  BLOCK_PUBLIC,
  configText,
  gatewayCommand,
  initOrganisation,
  type Organisation,
  startGatewayProcess,
} from '../support/gateway-process.ts'
import { runProgram } from '../support/run-program.ts'

const MAIN = fileURLToPath(new URL('../../gateway/main.js', import.meta.url))
const ANN = 'ann@example.com'

async function organisation(t: ExecutionContext): Promise<Organisation> {
  const made = await initOrganisation(t)
  made.write(configText(BLOCK_PUBLIC).replace(/^ {2}identity_providers: \[\]\n/m, ''))
  return made
}

const users = ({ config }: Organisation, ...words: string[]) =>
  gatewayCommand('users', ...words, '--config', config)

test.serial(
  'A6 T96: an account is added, while the gateway runs, with a password shown once',
  async (t) => {
    const org = await organisation(t)
    const gateway = startGatewayProcess(t, org.config)
    await gateway.line(/ready/)
    const groups = ['--group', 'engineers', '--group', 'on call']
    const added = await users(org, 'add', 'Ann@Example.com', '--name', 'Ann', ...groups, '--json')
    t.deepEqual([added.code, added.stderr], [0, ''])
    const { password, ...user } = JSON.parse(added.stdout)
    t.like(user, { email: ANN, name: 'Ann', groups: ['engineers', 'on call'], disabled_at: null })
    t.regex(password, /^[a-z2-9]{5}(-[a-z2-9]{5}){3}$/)
    const listed = await users(org, 'list', '--json')
    t.deepEqual(JSON.parse(listed.stdout), [user])
    const text = await users(org, 'list')
    t.regex(text.stdout, /^ann@example\.com {2}Ann {2}groups: engineers, on call {2}must choose/)
    t.is((await users(org, 'disable', ANN)).code, 0)
    t.regex((await users(org, 'list')).stdout, /disabled since/)
    t.is((await users(org, 'enable', ANN)).code, 0)
    t.is((await users(org, 'set-groups', ANN)).code, 0)
    t.like(JSON.parse((await users(org, 'list', '--json')).stdout)[0], {
      groups: [],
      disabled_at: null,
    })
    t.false(gateway.log.join('\n').includes(password))
    const db = new Database(join(org.dir, 'data', 'zt.db'), { readonly: true })
    t.teardown(() => db.close())
    const lines = db.prepare<[], string>('SELECT line FROM audit_lines').pluck().all()
    const actions = lines.map((line) => parseEntry(line)?.about['action'])
    const wanted = ['users_add', 'users_disable', 'users_enable', 'users_set_groups']
    t.deepEqual(
      actions.filter((action) => action !== undefined),
      wanted,
    )
    const files = ['zt.db', 'zt.db-wal'].map((name) => readFileSync(join(org.dir, 'data', name)))
    for (const file of files) t.false(file.includes(password))
  },
)

test.serial(
  'A6 T96: passwords cost 2^17, and another one is handed out or read from standard input',
  async (t) => {
    const org = await organisation(t)
    const added = await users(org, 'add', ANN, '--json')
    t.is(added.code, 0)
    const stored = () => {
      const db = new Database(join(org.dir, 'data', 'zt.db'), { readonly: true })
      t.teardown(() => db.close())
      return db.prepare<[], { hash: string }>('SELECT password_hash AS hash FROM local_users').get()
        ?.hash
    }
    t.regex(stored() ?? '', /^\$scrypt\$ln=17,r=8,p=1\$/)
    const reset = await users(org, 'reset-password', ANN, '--json')
    const made = String(JSON.parse(reset.stdout).password)
    const { matches } = openPasswords()
    t.true(await matches(made, stored()))
    t.false(await matches(String(JSON.parse(added.stdout).password), stored()))
    const argv = [process.execPath, MAIN, 'users', 'reset-password', ANN, '--config', org.config]
    const read = await runProgram([...argv, '--password-stdin', '--json'], 'from standard input\n')
    t.is(read.code, 0, read.stderr)
    t.false('password' in JSON.parse(read.stdout))
    t.true(await matches('from standard input', stored()))
    const weak = await runProgram([...argv, '--password-stdin'], 'short\n')
    t.deepEqual([weak.code, weak.stdout], [1, ''])
    t.regex(weak.stderr, /at least 12 characters.* \(bad_password\)/)
  },
)

test.serial('A6: what cannot be done is refused with its reason and exit code 1', async (t) => {
  const org = await organisation(t)
  const refusals: readonly (readonly [string[], RegExp])[] = [
    [['add', 'no address'], /\(bad_email\)/],
    [['add', 'x@example.com', '--group', 'two\nlines'], /\(bad_group\)/],
    [['add', 'x@example.com', '--name', ''], /\(bad_name\)/],
    [['disable', 'x@example.com'], /\(unknown_user\)/],
    [['enable', 'x@example.com'], /\(unknown_user\)/],
    [['reset-password', 'x@example.com'], /\(unknown_user\)/],
    [['set-groups', 'x@example.com', '--group', 'a'], /\(unknown_user\)/],
  ]
  for (const [words, reason] of refusals) {
    const refused = await users(org, ...words)
    t.deepEqual([refused.code, refused.stdout], [1, ''], words.join(' '))
    t.regex(refused.stderr, reason)
  }
  t.is((await users(org, 'add', ANN)).code, 0)
  t.regex((await users(org, 'add', ANN)).stderr, /\(email_taken\)/)
})

test.serial(
  'A6: without a local directory, a configuration or a store nothing is made',
  async (t) => {
    const org = await organisation(t)
    org.write(configText(BLOCK_PUBLIC))
    const none = await users(org, 'list')
    t.is(none.code, 1)
    t.regex(none.stderr, /no identity provider of kind local/)
    org.write('gateway: 1')
    t.is((await users(org, 'list')).code, 1)
    org.write(configText(BLOCK_PUBLIC).replace(/^ {2}identity_providers: \[\]\n/m, ''))
    rmSync(join(org.dir, 'data', 'zt.db'))
    const gone = await users(org, 'list')
    t.is(gone.code, 3)
    t.regex(gone.stderr, /zt-gateway init/)
    t.is((await gatewayCommand('users')).code, 2)
    t.is((await gatewayCommand('users', 'add', '--config', org.config)).code, 2)
    t.is((await gatewayCommand('users', 'add', ANN, 'secret', '--config', org.config)).code, 2)
  },
)
