import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import ava, { type ExecutionContext } from 'ava'
import { batch, freshMachine, type Inside } from '../../support/namespace-machine.ts'

/** One after the other: each starts several programs, and all at once would take longer than one may. */
const test = ava.serial

/** Exit codes of curl. */
const CONNECTION_REFUSED = 7
const TIMED_OUT = 28
const PROCESS = join(import.meta.dirname, '../../support/nft-process.js')

async function hold(t: ExecutionContext, { namespace }: Inside, as: readonly string[] = []) {
  const argv = ['netns', 'exec', namespace, ...as, process.execPath, PROCESS]
  const child: ChildProcess & { stdout: NodeJS.ReadableStream } = spawn('ip', argv, {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const [said] = await once(createInterface({ input: child.stdout }), 'line')
  const [reason, ...words] = String(said).split(' ')
  return { child, said: reason, words: words.join(' ') }
}

const tables = async (inside: Inside) => (await inside.run('nft', 'list tables')).stdout

/** Watches the table go: the kernel removes it when nft has seen its pipe end. */
async function untilGone(inside: Inside): Promise<void> {
  while ((await tables(inside)) !== '') await new Promise(setImmediate)
}

test('D2 D5: the nft table is there once said, nobody else may take it, and it goes with a killed daemon', async (t) => {
  const inside = await freshMachine(t)
  const { child, said } = await hold(t, inside)
  t.is(said, 'ok')
  t.is(await tables(inside), 'table inet zt\n')
  const listed = await inside.run('nft', 'list table inet zt')
  t.regex(listed.stdout, /oifname "zt0" meta skuid \{ 0, 1000-1999 \} .* redirect to :9040/)
  t.not((await inside.run('nft', 'delete table inet zt')).code, 0)
  t.is((await hold(t, inside)).said, 'nft_refused')
  child.kill('SIGKILL')
  await untilGone(inside)
  t.is(await tables(inside), '')
})

test('D5: the nft table is closed on request, and refused without the right to it', async (t) => {
  const inside = await freshMachine(t)
  const { child, said } = await hold(t, inside)
  t.is(said, 'ok')
  const ended = once(child, 'exit')
  child.stdin?.end()
  await ended
  t.is(await tables(inside), '')
  const asNobody = ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups']
  t.is((await hold(t, inside, asNobody)).said, 'nft_refused')
})

test('D5: a table of that name that another has is left as it is', async (t) => {
  const inside = await freshMachine(t)
  await inside.run('nft', 'add table inet zt')
  t.is((await hold(t, inside)).said, 'nft_refused')
  t.is((await inside.run('nft', 'list table inet zt')).stdout, 'table inet zt {\n}\n')
})

/** Runs a script in place of nft: a namespace of mounts comes with the one of networks. */
function insteadOfNft(t: ExecutionContext, script: string): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), 'zt-nft-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'nft')
  writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  return ['sh', '-c', 'mount --bind "$0" /usr/sbin/nft && exec "$@"', file]
}

test('D5: an nft that does not answer is ended, and refused', async (t) => {
  const inside = await freshMachine(t)
  const { said, words } = await hold(t, inside, insteadOfNft(t, 'exec sleep 1000'))
  t.deepEqual([said, words], ['nft_refused', 'nft did not answer'])
})

test('D5: what nft complains of in pieces is told whole', async (t) => {
  const inside = await freshMachine(t)
  const script = 'read -r line; printf Error: >&2; sleep 0.3; echo " File exists" >&2; cat'
  const { said, words } = await hold(t, inside, insteadOfNft(t, script))
  t.deepEqual([said, words], ['nft_refused', 'Error: File exists'])
})

test('D15: the connection of a user who is not named is not redirected, though it leaves by the TUN', async (t) => {
  const inside = await freshMachine(t)
  await batch(inside, '-4', ['tuntap add zt0 mode tun', 'link set zt0 up'])
  await batch(inside, '-4', ['address add 198.18.0.1/32 dev zt0', 'route add 10.0.0.0/8 dev zt0'])
  t.is((await hold(t, inside)).said, 'ok')
  const connectAs = (uid: number, limitSeconds: number) => {
    const user = `setpriv --reuid=${uid} --regid=65534 --clear-groups`
    return inside.run(
      ...user.split(' '),
      'curl',
      '-sS',
      '--max-time',
      `${limitSeconds}`,
      'http://10.1.2.3/',
    )
  }
  t.is((await connectAs(1000, 30)).code, CONNECTION_REFUSED, 'redirected to where nobody listens')
  t.is((await connectAs(2000, 1)).code, TIMED_OUT, 'into a TUN that nobody reads')
})
