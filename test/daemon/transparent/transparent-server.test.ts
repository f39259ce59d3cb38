import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import test from 'ava'
import { batch, freshMachine, routing } from '../../support/namespace-machine.ts'
import { wholeMachine } from '../../support/whole-machine.ts'

const PROCESS = join(import.meta.dirname, '../../support/transparent-process.js')

test('D2 D5: when a change fails for a reason that nobody foresaw, everything is given back', async (t) => {
  const inside = await freshMachine(t)
  await batch(inside, '-4', ['route add default via 192.0.2.1'])
  const before = await routing(inside)
  const { code, stdout } = await inside.run(process.execPath, PROCESS, '1000')
  t.deepEqual(JSON.parse(stdout), { reason: 'change_failed', detail: 'Error: no names' })
  t.is(code, 0)
  t.deepEqual(await routing(inside), before)
})

test('D2 D5: what keeps it from the traffic is looked at again, and told once', async (t) => {
  const inside = await freshMachine(t)
  const before = await routing(inside)
  await batch(inside, '-4', ['link add zt0 type veth peer name zt9'])
  const argv = ['netns', 'exec', inside.namespace, process.execPath, PROCESS, '1000', 'steady']
  const child = spawn('ip', argv, { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => JSON.parse(String((await lines.next()).value))
  t.is((await next()).reason, 'no_tun_device')
  await batch(inside, '-4', ['link del zt0'])
  let status = { state: 'refused' }
  while (status.state === 'refused') {
    child.stdin.write('status\n')
    status = await next()
  }
  t.like(status, { state: 'on', mode: 'redirect' })
  child.stdin.end()
  await once(child, 'exit')
  t.deepEqual(await routing(inside), before)
})

test('D3 D5: when the nft dies that leads questions about names, another one leads them', async (t) => {
  const machine = await wholeMachine(t)
  const child = machine.start(process.execPath, PROCESS, '1000', 'steady', 'port53')
  if (child.stdout === null) throw new Error('no stdout')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const resolver = async () => {
    child.stdin?.write('status\n')
    return JSON.parse(String((await lines.next()).value)).resolver
  }
  while ((await resolver())?.mode !== 'port53');
  // The first one leads connections.
  const holders = async () =>
    (await machine.sh(`pgrep -P ${child.pid} nft`)).trim().split('\n').map(Number)
  const [redirect, first] = await holders()
  t.truthy(first)
  await machine.sh(`kill ${first}`)
  let now: readonly (number | undefined)[] = []
  while (now.length !== 2 || now.includes(first)) now = await holders()
  t.true(now.includes(redirect))
  while ((await resolver()).mode !== 'port53');
  t.regex(await machine.sh('nft list table inet zt_dns'), /th dport 53 redirect/)
  child.stdin?.end()
  await once(child, 'exit')
  t.notRegex(await machine.sh('nft list tables'), /zt/)
})
