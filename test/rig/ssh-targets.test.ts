/** A host whose key nobody accepted yet: refused, asked for its keys by an administrator, registered, reached. */
import anyTest, { type TestFn } from 'ava'
import { type Finished, run } from '../../scripts/lab/child-process.ts'
import { enrol } from '../../scripts/lab/log-in.ts'
import { type Organisation, startOrganisation } from '../../scripts/lab/organisation.ts'
import { NAMES } from '../../scripts/lab/policy-texts.ts'

const test = anyTest as TestFn<{ organisation: Organisation }>

test.before(async (t) => {
  t.timeout(120_000)
  const organisation = await startOrganisation('namespaces')
  t.context = { organisation }
  const [alice] = organisation.people
  if (alice === undefined) throw new Error('nobody to enrol')
  await enrol(organisation, alice)
  await organisation.applyPolicy(policyOf(organisation))
})
test.after.always((t) => t.context.organisation?.close())

/** One application for whatever is tagged, and one without criteria that leads to the host already. */
function policyOf({ lab, policyInput: { unixUser, emailDomain } }: Organisation): string {
  const staff = `policies: [{ name: staff, decision: allow, include: [{ email_domain: ${emailDomain} }] }]`
  return `policy:
  tunnel: { domains: [${NAMES.zone}], prefixes: ["${lab.targetPrefix}"] }
  applications:
    - name: production
      protocol: ssh
      ssh: { unix_users: [${unixUser}], targets: [{ tags: { env: prod } }] }
      ${staff}
    - name: others
      destinations: ["*.${NAMES.zone}:22"]
      protocol: ssh
      ssh: { unix_users: [${unixUser}] }
      ${staff}
`
}

test('S4 T30: an unknown key is refused with the remedy, and the remedy works', async (t) => {
  t.timeout(60_000)
  const { organisation } = t.context
  const { zt, policyInput } = organisation
  const zts = (...args: string[]): Promise<Finished> => run([...zt, ...args])
  const ssh = () =>
    zts('ssh', '-oBatchMode=yes', `${policyInput.unixUser}@${NAMES.database}`, 'echo in')
  const refused = await ssh()
  t.is(refused.code, 255)
  t.regex(refused.stderr, /knows no host key of db1\.corp\.internal/)
  t.true(refused.stderr.includes(`zt admin ssh-targets scan ${NAMES.database}`))

  const scanned = await zts('admin', 'ssh-targets', 'scan', NAMES.database, '--json')
  t.is(scanned.code, 0, scanned.stderr)
  const { keys } = JSON.parse(scanned.stdout) as { keys: { line: string; fingerprint: string }[] }
  t.is(keys[0]?.line, policyInput.hostKey)
  const add = ['admin', 'ssh-targets', 'add', 'db1', NAMES.database, '--tag', 'env=prod']
  const added = await zts(...add, '--accept-key', keys[0]?.fingerprint ?? '')
  t.is(added.code, 0, added.stderr)

  t.like(await ssh(), { code: 0, stdout: 'in\n' })
  const listed = await zts('admin', 'ssh-targets', 'list', '--json')
  t.like(JSON.parse(listed.stdout), [{ label: 'db1', applications: ['production'] }])
})
