/** What the daemon makes of a question for an SSH certificate: it only carries it. */
import test from 'ava'
import { decodeControlRequest } from '#lib/api/control-codec'
import { err, ok } from '#lib/result'
import type { CommandDeps } from '../../../daemon/control/control-command.ts'
import { createCommands } from '../../../daemon/control/control-commands-client.ts'
import type { ControlCaller } from '../../../daemon/control/control-server.ts'

const CERTIFICATE = {
  certificate: 'ssh-ed25519-cert-v01@openssh.com AAAA',
  serial: '7',
  principals: ['deploy'],
  valid_until: '2026-11-21T00:00:00.000Z',
}
const WISH = {
  method: 'ssh_certificate',
  publicKey: 'ssh-ed25519 AAAA',
  principals: ['deploy'],
} as const

/** @param answer of the gateway. */
async function ask(answer: { status: number; body: string } | undefined) {
  const posted: string[][] = []
  const tunnel = {
    status: { state: answer === undefined ? 'unreachable' : 'connected' },
    async post(path: string, body: string) {
      posted.push([path, body])
      return answer === undefined ? err({ reason: 'not_connected' }) : ok(answer)
    },
  }
  const deps = { device: { tunnel } } as unknown as CommandDeps
  const result = await createCommands(deps)(WISH, {} as ControlCaller)
  return { result, posted }
}

test('S2: the question goes to the gateway as it is, and its certificate comes back', async (t) => {
  const { result, posted } = await ask({ status: 200, body: JSON.stringify(CERTIFICATE) })
  t.deepEqual(result, ok({ method: 'ssh_certificate', certificate: CERTIFICATE }))
  const body = JSON.stringify({ public_key: WISH.publicKey, principals: WISH.principals })
  t.deepEqual(posted, [['/ssh-certificate', body]])
})

test('S2: a refusal keeps its reason and its sentence', async (t) => {
  const refusal = { error: 'certificate_not_permitted', error_description: 'No.' }
  const { result } = await ask({ status: 403, body: JSON.stringify(refusal) })
  t.deepEqual(result, err({ code: 'certificate_not_permitted', message: 'No.' }))
})

test('S2: an older gateway, nonsense and no gateway give no certificate', async (t) => {
  for (const answer of [
    { status: 404, body: '' },
    { status: 200, body: '{"certificate":1}' },
    { status: 403, body: 'x' },
    undefined,
  ]) {
    t.false((await ask(answer)).result.ok)
  }
})

test('S2: the question is decoded strictly', (t) => {
  const decode = (change: object) =>
    decodeControlRequest(Buffer.from(JSON.stringify({ ...WISH, ...change }))).ok
  t.true(decode({}))
  for (const bad of [
    { publicKey: '' },
    { principals: 'deploy' },
    { principals: [''] },
    { more: 1 },
  ])
    t.false(decode(bad), JSON.stringify(bad))
})
