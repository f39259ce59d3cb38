/** `zt run` as its user has it: unmodified programs, a user without rights, a real daemon and gateway. */
import test from 'ava'
import { startWeb } from '../../support/daemon-rig.ts'
import { ADDRESS, NAMES, NOBODY, startRunLab } from '../../support/run-lab.ts'

const [WIKI] = NAMES

test('D6: curl reaches a private name and a private address; the program is the same user without rights', async (t) => {
  const web = await startWeb(t)
  const lab = await startRunLab(t)
  const page = await lab.run(['--', 'curl', '-sS', '-m', '10', `http://${WIKI}:${web.port}/a`])
  t.is(page.stdout, 'page /a', page.stderr)
  const { facts } = await lab.enforced.closedRecord()
  t.like(facts.destination, { host: WIKI, port: web.port, transport: 'tcp' })
  const byAddress = await lab.run(['curl', '-sS', '-m', '10', `http://${ADDRESS}:${web.port}/b`])
  t.is(byAddress.stdout, 'page /b', byAddress.stderr)
  const said = await lab.run(['sh', '-c', 'id -u; grep CapEff /proc/self/status; pwd; echo $HOME'])
  t.deepEqual(said.stdout.split('\n').slice(0, 4), [
    String(NOBODY),
    'CapEff:\t0000000000000000',
    process.cwd(),
    process.env['HOME'] ?? '',
  ])
})
