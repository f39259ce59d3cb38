import { readFileSync } from 'node:fs'
import ava, { type ExecutionContext } from 'ava'
import {
  look,
  machineWithDns,
  PUBLIC,
  routingOf,
  startMachinePart,
  startResolved,
  undo,
} from '../../support/machine-lab.ts'
import { addService, asService, POLKIT_RULE, startPolkit } from '../../support/service-lab.ts'
import type { WholeMachine } from '../../support/whole-machine.ts'

/** One after the other: each starts several programs, and all at once would take longer than one may. */
const test = ava.serial

const PRIVATE = 'wiki.corp.internal'
async function laptop(t: ExecutionContext): Promise<WholeMachine> {
  const machine = await machineWithDns(t)
  await addService(machine)
  return machine
}

test('D2 D5: as the user of the unit, with its rights alone, it takes the machine over and gives it back', async (t) => {
  const machine = await laptop(t)
  const before = await routingOf(machine)
  const { said, ask } = await startMachinePart(machine, 'auto', asService())
  t.is(said, 'port53')
  t.regex(await look(machine, PRIVATE), /^100\.80\./)
  t.is(await look(machine, PUBLIC.name), PUBLIC.address)
  t.is(await ask('other.internal'), 'ok')
  t.is(await ask('undo'), 'ok')
  t.deepEqual(await routingOf(machine), before)
})

test('D5: the stop hook of the unit has the rights to undo what a killed daemon left', async (t) => {
  const machine = await laptop(t)
  const before = await routingOf(machine)
  const { kill } = await startMachinePart(machine, 'auto', asService())
  await kill()
  t.notDeepEqual(await routingOf(machine), before)
  t.is((await undo(machine, asService())).code, 0)
  t.deepEqual(await routingOf(machine), before)
})

test('D2: as the user of the unit it takes TCP without nft, too, with reverse path filtering', async (t) => {
  const machine = await laptop(t)
  // Where the name of the table is taken nft refuses, as where it is missing.
  await machine.sh('nft add table inet zt; sysctl -qw net.ipv4.conf.all.rp_filter=1')
  const { ask } = await startMachinePart(machine, 'off', asService())
  const connect = 'echo hello | setpriv --reuid=1000 --clear-groups nc.openbsd -N -w 30'
  t.is(await machine.sh(`${connect} 10.1.2.3 4711`), 'hello\n')
  t.is(await machine.sh(`${connect} fd00:1::7 4711`), 'hello\n')
  await ask('undo')
})

test('D15: the rights of the unit do not reach resolv.conf', async (t) => {
  const machine = await laptop(t)
  const before = await machine.sh('cat /etc/resolv.conf')
  const { said } = await startMachinePart(machine, 'resolv_conf', asService())
  t.regex(said, /resolv_conf_not_writable/)
  t.is(await machine.sh('cat /etc/resolv.conf'), before)
})

test('D3: the polkit rule lets the user of the unit tell systemd-resolved', async (t) => {
  const machine = await laptop(t)
  await startResolved(machine)
  await startPolkit(machine, readFileSync(POLKIT_RULE, 'utf8'))
  const { said, ask } = await startMachinePart(machine, 'auto', asService())
  t.is(said, 'resolved')
  t.regex(await look(machine, PRIVATE), /^100\.80\./)
  const other = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
  const refused = await machine.run(...other, 'resolvectl', 'dns', 'zt0', '192.0.2.66')
  t.not(refused.code, 0, 'nobody else')
  const more = await machine.run(...asService(), 'resolvectl', 'nta', 'zt0', 'example.com')
  t.not(more.code, 0, 'nothing else')
  t.is(await ask('undo'), 'ok')
})

test('D3: without the polkit rule port 53 is redirected, and the reason is told', async (t) => {
  const machine = await laptop(t)
  await startResolved(machine)
  await startPolkit(machine)
  const { said, ask } = await startMachinePart(machine, 'auto', asService())
  t.is(said, 'port53')
  t.like(JSON.parse(await ask('status')), {
    passedOver: [{ mode: 'resolved', reason: 'resolved_not_permitted' }],
  })
  t.regex(await look(machine, PRIVATE), /^100\.80\./)
  t.is(await look(machine, PUBLIC.name), PUBLIC.address)
})
