/** FIPS mode at start: what is refused, and what TLS speaks. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ConnectionOptions, connect } from 'node:tls'
import test from 'ava'
import { decodeConfig } from '../../gateway/config.ts'
import { isFipsKey } from '../../gateway/fips.ts'
import {
  configText,
  freshFolder,
  gatewayCommand,
  initOrganisation,
  startGatewayProcess,
} from '../support/gateway-process.ts'

const FIPS = '  fips: true\n'
const ED25519 = `ssh-ed25519 ${'A'.repeat(68)}`
const ECDSA = `ecdsa-sha2-nistp256 ${'A'.repeat(140)}`

test('S13: host keys that would never be accepted are mistakes, each with its place', (t) => {
  const policy = (key: string) => `
  ssh_targets: [{ label: db2, address: db2.corp, host_keys: ["${key}"] }]
  applications:
    - name: db
      destinations: ["db1.corp:22"]
      protocol: ssh
      ssh: { unix_users: [root], host_keys: ["${key}"], host_authorities: ["${key}"] }`
  const mistakes = (gateway: string, key: string) => {
    const decoded = decodeConfig(configText(policy(key), gateway), 'zt.yaml')
    return decoded.ok ? [] : decoded.error.map(({ path, message }) => `${path}: ${message}`).sort()
  }
  t.deepEqual(mistakes('', ED25519), [])
  t.deepEqual(mistakes(FIPS, ECDSA), [])
  const words = 'in FIPS mode this is an ECDSA (P-256, P-384) or RSA key'
  t.deepEqual(mistakes(FIPS, ED25519), [
    `policy.applications[0].ssh.host_authorities[0]: ${words}`,
    `policy.applications[0].ssh.host_keys[0]: ${words}`,
    `policy.ssh_targets[0].host_keys[0]: ${words}`,
  ])
})

test('S13: only curves and RSA that are approved sign', (t) => {
  for (const type of ['ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ssh-rsa'])
    t.true(isFipsKey(type))
  for (const type of ['ssh-ed25519', 'sk-ssh-ed25519@openssh.com', 'ssh-dss', ''])
    t.false(isFipsKey(type))
})

test('S13: init --fips makes an organisation whose TLS has approved algorithms only', async (t) => {
  const dir = freshFolder(t)
  const made = await gatewayCommand('init', '--data', join(dir, 'data'), '--fips')
  t.is(made.code, 0, made.stderr)
  t.regex(readFileSync(join(dir, 'zt.yaml'), 'utf8'), /\n {2}fips: true\n/)
  for (const name of ['user', 'host']) {
    t.regex(
      readFileSync(join(dir, `data/keys/ssh-${name}-ca.pub`), 'utf8'),
      /^ecdsa-sha2-nistp256 /,
    )
  }
  const config = join(dir, 'zt.yaml')
  t.is((await gatewayCommand('check', '--config', config)).code, 0)
  writeFileSync(config, configText('  public_default: block', FIPS))
  const gateway = startGatewayProcess(t, config)
  const ready = await gateway.line(/^ready$/)
  const addresses = ready['addresses'] as Record<string, { port: number }>
  const agreed = (name: string, options: ConnectionOptions) =>
    new Promise<string>((resolve) => {
      const { port } = addresses[name] ?? { port: 0 }
      const host = { host: '127.0.0.1', port, rejectUnauthorized: false }
      const socket = connect({ ...host, ...options }, () => {
        const { name: cipher } = socket.getCipher()
        const key = socket.getEphemeralKeyInfo() as { name?: string }
        socket.destroy()
        resolve(`${cipher} ${key.name}`)
      })
      socket.on('error', () => resolve('refused'))
    })
  for (const name of ['tunnel', 'login', 'admin']) {
    t.regex(
      await agreed(name, { ecdhCurve: 'P-256' }),
      /^TLS_AES_(256|128)_GCM_SHA(384|256) prime256v1$/,
      name,
    )
    t.regex(
      await agreed(name, { ecdhCurve: 'P-384' }),
      /^TLS_AES_(256|128)_GCM_SHA(384|256) secp384r1$/,
      name,
    )
    t.is(await agreed(name, { ecdhCurve: 'X25519' }), 'refused', name)
    t.is(await agreed(name, { ciphers: 'TLS_CHACHA20_POLY1305_SHA256' }), 'refused', name)
  }
  const old = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-CHACHA20-POLY1305' } as const
  t.is(await agreed('login', old), 'refused')
  t.regex(
    await agreed('login', { ...old, ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' }),
    /^ECDHE-ECDSA-AES128/,
  )
})

test('S13: authorities with Ed25519 keys keep a gateway from starting, with what to do', async (t) => {
  const organisation = await initOrganisation(t)
  organisation.write(configText('  public_default: block', FIPS))
  const { code, stdout, stderr } = await gatewayCommand('run', '--config', organisation.config)
  t.is(code, 3)
  t.regex(
    stdout + stderr,
    /ssh-user-ca is not allowed in FIPS mode; before turning it on, run \\"zt admin ssh-ca rotate user --type ecdsa/,
  )
})
