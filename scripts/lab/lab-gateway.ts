/**
 * The organisation's gateway: made by `zt-gateway init`, run in its namespace, told of policies by file and SIGHUP.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type LabProcess, must, startProcess } from './child-process.ts'
import type { Lab } from './namespace-lab.ts'
import { NAMES } from './policy-texts.ts'
import { program } from './programs.ts'

const LISTEN_PORTS = { tunnel: 8443, login: 7443, admin: 7444 }

/** Origins of a gateway. */
export type Urls = Readonly<Record<keyof typeof LISTEN_PORTS, string>>

/** The gateway's origins in a lab. */
export function urlsOf(lab: Lab): Urls {
  return {
    tunnel: `https://${lab.gateway}:${LISTEN_PORTS.tunnel}`,
    login: `https://${lab.gateway}:${LISTEN_PORTS.login}`,
    admin: `https://${lab.admin}:${LISTEN_PORTS.admin}`,
  }
}

/** `zt-gateway init`, a recipient's key, and the signed list of recipients. */
export async function initialise(
  folder: string,
): Promise<{ adminToken: string; caSha256: string }> {
  const at = (name: string): string => join(folder, name)
  const gateway = program('gateway/main.js')
  const made = await must([
    ...gateway,
    'init',
    '--data',
    at('data'),
    '--config',
    at('init.yaml'),
    '--name',
    'Demo',
    '--json',
  ])
  const facts = JSON.parse(made) as { adminSecret: string; caSha256: string }
  await must([...program('cli/main.js'), 'recordings', 'keygen', '--out', at('recipient.key')])
  await must([
    ...gateway,
    'recipients',
    'sign',
    '--key',
    at('recipients-signer.key'),
    '--recipient',
    at('recipient.key.pub'),
    '--out',
    at('recipients.jws'),
  ])
  return { adminToken: facts.adminSecret, caSha256: facts.caSha256 }
}

/** A gateway that can be started again on the same data. */
export type LabGateway = {
  /** The process now running. */
  process(): LabProcess
  start(): Promise<void>
  /** Puts a policy in force, as an administrator does. @throws {Error} when the gateway refuses it. */
  apply(policy: string): Promise<void>
}

/** What a gateway begins with: its identity provider, more lines of its own section, its policy. */
type First = { readonly issuer: string; readonly more: string; readonly policy: string }

/** Starts the gateway with a first policy. */
export async function startLabGateway(lab: Lab, folder: string, first: First): Promise<LabGateway> {
  const configFile = join(folder, 'zt.yaml')
  const gatewaySection = `${gatewayYaml(lab, urlsOf(lab), first.issuer)}${first.more}`
  const write = (policy: string): void => writeFileSync(configFile, `${gatewaySection}${policy}`)
  const start = (): Promise<LabProcess> =>
    startProcess({
      argv: [...lab.inGateway, ...program('gateway/main.js'), 'run', '--config', configFile],
      logFile: join(folder, 'gateway.log'),
      readyWhen: /"msg":"ready"/,
    })
  write(first.policy)
  let running = await start()
  return {
    process: () => running,
    start: async () => {
      running = await start()
    },
    apply: async (policy) => {
      write(policy)
      const applied = running.nextLine(/policy revision|reload/i)
      running.signal('SIGHUP')
      const line = await applied
      if (!/"revision":/.test(line)) throw new Error(`the gateway refused the policy: ${line}`)
    },
  }
}

function gatewayYaml(lab: Lab, urls: Urls, issuer: string): string {
  const hosts =
    lab.kind === 'namespaces'
      ? [NAMES.wiki, NAMES.database, NAMES.denied, NAMES.app]
          .map((name) => `${name}: ${lab.target}`)
          .join(', ')
      : ''
  const listener = (name: keyof Urls, address: string): string =>
    `  ${name}: { listen: "${address}:${LISTEN_PORTS[name]}", url: "${urls[name]}" }
`
  return `gateway:
  organisation: Demo
  data: ./data
${listener('tunnel', lab.gateway)}${listener('login', lab.gateway)}${listener('admin', lab.admin)}  hosts: { ${hosts} }
  identity_providers:
    - { name: demo, kind: oidc, issuer: "${issuer}", client_id: zt, client_secret_file: idp.secret, ca_file: idp-ca.pem, groups_claim: groups }
  recordings: { recipients_file: recipients.jws }
`
}
