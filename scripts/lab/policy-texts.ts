/**
 * The demo organisation's policy as an administrator would write it: nothing allowed, then two applications.
 */
import { type Lab, ZONE } from './namespace-lab.ts'

/** Names and ports of the demo's targets. */
export const NAMES = {
  wiki: 'wiki.corp.internal',
  database: 'db1.corp.internal',
  denied: 'payroll.corp.internal',
  /** Below a wildcard. */
  app: 'one.apps.corp.internal',
  zone: ZONE,
}
export const PORTS = { web: 8080, ssh: 22, denied: 9090, echo: 7007, postgres: 5432 }

/** What the texts are filled with. */
export type PolicyInput = {
  readonly lab: Lab
  /** OpenSSH public key line of the target's host key. */
  readonly hostKey: string
  readonly unixUser: string
  readonly emailDomain: string
  readonly sshPort: number
  /** More applications, as YAML list items indented by four (benchmarks). */
  readonly extraApplications?: string
}

/** Host that a target is addressed by: a name behind namespaces, a literal on loopback (a name never leads there). */
export function hostOf(lab: Lab, name: string): string {
  return lab.kind === 'namespaces' ? name : lab.target
}

function tunnelSection(lab: Lab): string {
  return `policy:
  tunnel: { domains: [${NAMES.zone}], prefixes: ["${lab.targetPrefix}"], others: direct }
  public_default: block
`
}

/** Before an administrator allowed anything: private destinations are denied. */
export function emptyPolicy({ lab }: PolicyInput): string {
  return `${tunnelSection(lab)}  applications: []
`
}

/** Two applications for the staff: the wiki, and the database host by SSH, recorded. */
export function demoPolicy(input: PolicyInput): string {
  const { lab, hostKey, unixUser, emailDomain, sshPort } = input
  const staff = `policies: [{ name: staff, decision: allow, include: [{ email_domain: ${emailDomain} }] }]`
  return `${tunnelSection(lab)}  applications:
    - name: wiki
      destinations: ["${hostOf(lab, NAMES.wiki)}:${PORTS.web}", "${lab.target}:${PORTS.web}"]
      ${staff}
    - name: database
      destinations: ["${hostOf(lab, NAMES.database)}:${sshPort}", "${lab.target}:${sshPort}"]
      protocol: ssh
      ssh: { unix_users: [${unixUser}], record: required, host_keys: ["${hostKey}"] }
      ${staff}
${input.extraApplications ?? ''}`
}

/** More of the same for programs that know of no proxy: other ports and transports, a wildcard, ping. */
export function transparentPolicy(input: PolicyInput): string {
  const staff = `policies: [{ name: staff, decision: allow, include: [{ email_domain: ${input.emailDomain} }] }]`
  const both = [NAMES.wiki, input.lab.target]
  const list = (destinations: readonly string[]): string => JSON.stringify(destinations)
  const extraApplications = `    - name: apps
      destinations: ["*.apps.${NAMES.zone}:${PORTS.web}"]
      ${staff}
    - name: echo
      destinations: ${list(both.flatMap((host) => [`${host}:${PORTS.echo}`, `${host}:${PORTS.echo}/udp`]))}
      ${staff}
    - name: ping
      destinations: ${list(both.map((host) => `${host}/icmp`))}
      ${staff}
    - name: sql
      destinations: ["${NAMES.database}:${PORTS.postgres}"]
      ${staff}
`
  return demoPolicy({ ...input, extraApplications })
}
