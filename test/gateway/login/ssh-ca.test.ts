import { get } from 'node:https'
import test from 'ava'
import { startLoginRig } from '../../support/login-rig.ts'
import { KeyFolder } from '../../support/ssh-keygen.ts'

test('S3: everybody may fetch the public keys and the revocation list, and nothing secret', async (t) => {
  const { url, ca, sshAuthorities } = await startLoginRig(t)
  const fetch = (file: string) =>
    new Promise<{ status: number; octets: Buffer }>((resolve, reject) => {
      get(new URL(`/.well-known/zt/ssh/${file}`, url), { ca: [...ca] }, async (response) => {
        const chunks: Buffer[] = []
        for await (const chunk of response) chunks.push(chunk)
        resolve({ status: response.statusCode ?? 0, octets: Buffer.concat(chunks) })
      }).on('error', reject)
    })
  const lineOf = async (file: string) => (await fetch(file)).octets.toString()
  t.is(await lineOf('client-ca.pub'), '')
  const [user] = sshAuthorities.trusted('user')
  t.is(await lineOf('user-ca.pub'), `${user?.publicKey}\n`)
  await sshAuthorities.rotate('user', { kind: 'generate', type: 'ecdsa' }, 60_000)
  const [next, before] = sshAuthorities.trusted('user')
  t.is(await lineOf('user-ca.pub'), `${next?.publicKey}\n${before?.publicKey}\n`)
  t.regex(await lineOf('host-ca.pub'), /^ssh-ed25519 \S+ zt-ssh-host-ca\n$/)
  const folder = new KeyFolder()
  t.teardown(() => folder.remove())
  folder.write('ca.pub', `${before?.publicKey}\n`)
  sshAuthorities.revoke({ kind: 'authority', value: before?.id ?? '' })
  const { status, octets } = await fetch('krl')
  t.is(status, 200)
  const found = t.throws(() =>
    folder.keygen('-Q', '-f', folder.write('krl', octets), folder.file('ca.pub')),
  )
  t.regex(String((found as unknown as { stdout: string }).stdout), /REVOKED/)
  for (const file of ['user-ca.key', 'user-ca', '../ssh/krl/x', ''])
    t.is((await fetch(file)).status, 404)
})
