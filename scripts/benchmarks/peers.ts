/**
 * The systems zt is compared with, from Debian: an HAProxy pair with mutual TLS, and OpenSSH port forwarding.
 * Each carries TCP from a port on the laptop to the load target behind the gateway namespace.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type LabProcess, must, startProcess } from '../lab/child-process.ts'
import type { Lab } from '../lab/namespace-lab.ts'
import { startSshd } from '../lab/sshd.ts'

/** A way to the target: where the load generator connects, and the processes that do the work. */
export type Contender = {
  readonly name: string
  /** Where to connect on the laptop; for zt the target itself, through `socks`. */
  readonly host: string
  readonly port: number
  readonly socks?: string
  /** argv prefix of where the load generator runs. */
  readonly inside?: readonly string[]
  readonly processes: readonly LabProcess[]
}

/** Port numbers inside the lab's namespaces, and loopback ports of the laptop side. */
const PORTS = { haproxyServer: 7120, haproxyClient: 17_121, sshd: 2222, sshForward: 17_101 }

/** P-256 certificates like ours, so that handshakes cost the same. */
async function makeCertificates(folder: string): Promise<void> {
  const at = (name: string): string => join(folder, name)
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  await must([
    'openssl',
    'req',
    '-x509',
    ...key,
    '-subj',
    '/CN=bench-ca',
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.crt'),
  ])
  for (const name of ['server', 'client']) {
    await must([
      'openssl',
      'req',
      '-x509',
      '-CA',
      at('ca.crt'),
      '-CAkey',
      at('ca.key'),
      ...key,
      '-subj',
      `/CN=${name}`,
      '-addext',
      `subjectAltName=DNS:${name}`,
      '-addext',
      'basicConstraints=CA:FALSE',
      '-keyout',
      at(`${name}.key`),
      '-out',
      at(`${name}.crt`),
    ])
    await must(['sh', '-c', `cat ${at(`${name}.crt`)} ${at(`${name}.key`)} > ${at(`${name}.pem`)}`])
  }
}

function haproxyConfig(bind: string, server: string): string {
  return `global
  maxconn 9000
  ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256
  ssl-default-server-ciphersuites TLS_AES_128_GCM_SHA256
defaults
  mode tcp
  timeout connect 5s
  timeout client 300s
  timeout server 300s
listen bench
  bind ${bind}
  server target ${server}
`
}

/** Two HAProxy processes with mutual TLS 1.3 between them. */
export async function startHaproxy(lab: Lab, folder: string, target: string): Promise<Contender> {
  await makeCertificates(folder)
  const at = (name: string): string => join(folder, name)
  const verify = `ca-file ${at('ca.crt')} verify required ssl-min-ver TLSv1.3`
  writeFileSync(
    at('ha-server.cfg'),
    haproxyConfig(
      `${lab.gateway}:${PORTS.haproxyServer} ssl crt ${at('server.pem')} ${verify}`,
      target,
    ),
  )
  writeFileSync(
    at('ha-client.cfg'),
    haproxyConfig(
      `127.0.0.1:${PORTS.haproxyClient}`,
      `${lab.gateway}:${PORTS.haproxyServer} ssl crt ${at('client.pem')} ${verify} verifyhost server sni str(server)`,
    ),
  )
  const start = (prefix: readonly string[], config: string): Promise<LabProcess> =>
    startProcess({
      argv: [...prefix, 'haproxy', '-db', '-V', '-f', at(config)],
      logFile: at(`${config}.log`),
      readyWhen: /polling|Using/i,
    })
  const processes = [await start(lab.inGateway, 'ha-server.cfg'), await start([], 'ha-client.cfg')]
  return { name: 'HAProxy mTLS pair', host: '127.0.0.1', port: PORTS.haproxyClient, processes }
}

/** `ssh -L` with OpenSSH's default algorithms. */
export async function startSshForward(
  lab: Lab,
  folder: string,
  target: string,
): Promise<Contender> {
  const key = join(folder, 'user')
  await must(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key])
  const sshd = await startSshd({
    folder,
    address: lab.gateway,
    port: PORTS.sshd,
    inside: lab.inGateway,
    authorizedKeys: [readFileSync(`${key}.pub`, 'utf8').trim()],
  })
  const options = [
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'ExitOnForwardFailure=yes',
    'LogLevel=DEBUG1',
  ].flatMap((option) => ['-o', option])
  const forward = `127.0.0.1:${PORTS.sshForward}:${target}`
  const ssh = await startProcess({
    argv: [
      'ssh',
      '-F',
      'none',
      '-N',
      ...options,
      '-i',
      key,
      '-p',
      String(PORTS.sshd),
      '-L',
      forward,
      `root@${lab.gateway}`,
    ],
    logFile: join(folder, 'ssh.log'),
    readyWhen: /Entering interactive session/,
  })
  return {
    name: 'ssh -L',
    host: '127.0.0.1',
    port: PORTS.sshForward,
    processes: [sshd.process, ssh],
  }
}
