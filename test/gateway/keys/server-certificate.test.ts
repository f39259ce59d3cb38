import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, isIP } from 'node:net'
import { connect, createServer } from 'node:tls'
import test from 'ava'
import { createAuthority } from '../../../gateway/keys/certificate.ts'
import { issueServerCertificate } from '../../../gateway/keys/server-certificate.ts'

const DAY_MS = 86_400_000
const authority = () =>
  createAuthority({ commonName: 'Test CA', nowMs: Date.now(), lifetimeMs: 3650 * DAY_MS })

for (const host of ['gw.example.com', '127.0.0.1', '::1']) {
  test(`a certificate for ${host} is for it and no other`, async (t) => {
    const { certificatePem } = await issueServerCertificate(await authority(), host, Date.now())
    const leaf = new X509Certificate(certificatePem)
    const isFor = (name: string) =>
      (isIP(name) ? leaf.checkIP(name) : leaf.checkHost(name)) !== undefined
    t.true(isFor(host))
    t.false(isFor('other.example.com'))
    t.false(isFor('127.0.0.2'))
    t.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1'])
  })
}

test('a TLS 1.3 client that trusts the authority connects, another does not', async (t) => {
  const ca = await authority()
  const made = await issueServerCertificate(ca, '127.0.0.1', Date.now())
  const server = createServer({ cert: made.certificatePem, key: made.keyPem })
  server.on('tlsClientError', () => undefined)
  server.listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const options = { host: '127.0.0.1', port, minVersion: 'TLSv1.3' } as const
  const trusted = connect({ ...options, ca: ca.certificatePem })
  await once(trusted, 'secureConnect')
  t.true(trusted.authorized)
  trusted.destroy()
  const stranger = connect({ ...options, ca: (await authority()).certificatePem })
  await t.throwsAsync(once(stranger, 'secureConnect'))
})

test('refuses what is no host name at all', async (t) => {
  const ca = await authority()
  await t.throwsAsync(issueServerCertificate(ca, 'not a host', Date.now()))
})
