/**
 * Other ways to take the traffic of programs that know nothing of it: redsocks in front of a SOCKS server (dante), and
 * sshuttle. Each has an address of the target of its own, so that all run at once:
 *
 *   laptop                         gateway, which forwards                 targets
 *   198.19.N.2 ──uplink── 198.19.N.1    10.19.N.1 ──private── 10.19.N.2 direct, .3 redsocks, .4 sshuttle
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type LabProcess, must, startProcess } from '../lab/child-process.ts'
import type { Lab } from '../lab/namespace-lab.ts'
import { startSshd } from '../lab/sshd.ts'
import type { Contender } from './peers.ts'

const PORTS = { redsocks: 17_131, dante: 17_132, sshd: 2223 }

/** Addresses beside those of the lab. */
export type Beside = { readonly gateway: string; readonly target: (host: number) => string }

/** Lets the laptop reach addresses of the targets without zt. */
export async function openWays(lab: Lab): Promise<Beside> {
  const number = lab.target.split('.')[2] ?? ''
  const target = (host: number): string => `10.19.${number}.${host}`
  const links = (await must([...lab.inTargets, 'ip', '-br', 'link'])).split('\n')
  const link = links.find((line) => !line.startsWith('lo '))?.split('@')[0] ?? ''
  for (const argv of [
    [...lab.inGateway, 'ip', 'addr', 'add', `${target(1)}/24`, 'dev', 'private'],
    [...lab.inGateway, 'sysctl', '-qw', 'net.ipv4.ip_forward=1'],
    ...[2, 3, 4].map((host) => [
      ...[...lab.inTargets, 'ip', 'addr', 'add', `${target(host)}/24`, 'dev', link],
    ]),
    [...lab.inTargets, 'ip', 'route', 'add', `198.19.${number}.0/24`, 'via', target(1)],
  ]) {
    await must(argv)
  }
  return { gateway: `198.19.${number}.1`, target }
}

/** What is started goes into `started` at once, so that it ends even if what follows fails. */
export type PeerOptions = {
  readonly lab: Lab
  readonly folder: string
  readonly port: number
  readonly beside: Beside
  readonly started: LabProcess[]
}

/** The SOCKS server is at the gateway; nothing is encrypted. */
export async function startRedsocks(options: PeerOptions): Promise<Contender> {
  const { lab, folder, port, beside, started } = options
  const host = beside.target(3)
  const [danteFile, redsocksFile] = [join(folder, 'danted.conf'), join(folder, 'redsocks.conf')]
  writeFileSync(danteFile, danteConfiguration(beside))
  writeFileSync(redsocksFile, redsocksConfiguration(beside))
  const dante = await startProcess({
    argv: [...lab.inGateway, 'danted', '-f', danteFile, '-p', join(folder, 'danted.pid')],
    logFile: join(folder, 'danted.log'),
    readyWhen: /running/,
  })
  started.push(dante)
  const redsocks = await startProcess({
    argv: [...lab.inLaptop, 'redsocks', '-c', redsocksFile],
    logFile: join(folder, 'redsocks.log'),
    readyWhen: /redsocks started/,
  })
  started.push(redsocks)
  const nft = `add table ip redsocks
add chain ip redsocks out { type nat hook output priority -100; }
add rule ip redsocks out ip daddr ${host} tcp dport ${port} redirect to :${PORTS.redsocks}`
  await must([...lab.inLaptop, 'nft', nft])
  const processes = [dante, redsocks]
  return { name: 'redsocks + dante', host, port, inside: lab.inLaptop, processes }
}

function danteConfiguration({ gateway, target }: Beside): string {
  return `logoutput: stdout
internal: ${gateway} port = ${PORTS.dante}
external: ${target(1)}
clientmethod: none
socksmethod: none
user.privileged: root
user.unprivileged: nobody
client pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
`
}

function redsocksConfiguration({ gateway }: Beside): string {
  return `base { log_debug = off; log_info = on; log = "stderr"; daemon = off; redirector = iptables; }
redsocks {
  local_ip = 127.0.0.1; local_port = ${PORTS.redsocks};
  ip = ${gateway}; port = ${PORTS.dante}; type = socks5;
}
`
}

/** Through an sshd at the gateway. */
export async function startSshuttle(options: PeerOptions): Promise<Contender> {
  const { lab, folder, port, beside, started } = options
  const host = beside.target(4)
  const key = join(folder, 'user')
  await must(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key])
  const sshd = await startSshd({
    folder: join(folder, 'sshd'),
    address: beside.gateway,
    port: PORTS.sshd,
    inside: lab.inGateway,
    authorizedKeys: [readFileSync(`${key}.pub`, 'utf8').trim()],
  })
  started.push(sshd.process)
  const ssh = `ssh -F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -i ${key}`
  const remote = `root@${beside.gateway}:${PORTS.sshd}`
  const sshuttle = await startProcess({
    argv: [
      ...[...lab.inLaptop, 'sshuttle', '--method', 'nft', '--disable-ipv6'],
      ...['-r', remote, '-e', ssh, `${host}/32`],
    ],
    logFile: join(folder, 'sshuttle.log'),
    readyWhen: /Connected to server/,
    readyWithinMs: 60_000,
  })
  started.push(sshuttle)
  const processes = [sshd.process, sshuttle]
  return { name: 'sshuttle', host, port, inside: lab.inLaptop, processes }
}
