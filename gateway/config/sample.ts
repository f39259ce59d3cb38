/**
 * The configuration that `zt-gateway init` writes: it decodes as it is, and shows what else there is in comments.
 */

/** What is known when an organisation is made. */
export type SampleOptions = {
  readonly organisation: string
  /** Data directory, absolute or relative to the configuration file. */
  readonly data: string
  readonly fips?: boolean
}

/** The text of a first configuration. */
export function sampleConfig({ organisation, data, fips = false }: SampleOptions): string {
  return `# Configuration of a zt gateway. Every key: docs/reference/configuration.md
# Check it:  zt-gateway check --config FILE      Apply a new policy:  kill -HUP PID

gateway:
  organisation: ${JSON.stringify(organisation)}
  data: ${JSON.stringify(data)}
${fips ? '  fips: true\n' : ''}  # The host names below are examples: put in those that devices and browsers reach.
  tunnel: { listen: "0.0.0.0:8443", url: "https://gw.example.com:8443" }
  login: { listen: "0.0.0.0:7443", url: "https://login.example.com:7443" }
  admin: { listen: "127.0.0.1:7444", url: "https://admin.example.com:7444" }
  # login and admin may carry certificate_file and key_file of a public CA;
  # without them the gateway's own CA issues one for the host of the URL.

  # Fixed addresses of private hosts, looked at before the system's resolver.
  hosts: {}
  #  db1.corp.internal: 10.0.0.5

  # Where users log in. The local directory is the gateway's own:
  #   zt-gateway users add EMAIL --config FILE
  identity_providers:
    - { name: local, kind: local }
  #  - name: corp
  #    kind: oidc
  #    issuer: "https://idp.example.com"
  #    client_id: zt
  #    client_secret_file: idp.secret
  #    groups_claim: groups
  #  - { name: github, kind: github, client_id: Iv1.0123456789abcdef, client_secret_file: github.secret }
  #  - { name: mail, kind: pin, host: mail.example.com, from: zt@example.com, allow: [example.com] }

  # Who can open recordings. Sign the list with the offline key that init wrote:
  #   zt-gateway recipients sign --key recipients-signer.key --recipient admin.key.pub --out recipients.jws
  # recordings: { recipients_file: recipients.jws, free_space_reserve_mib: 512 }

  # How long flow records and the DNS log are kept.
  # history: { keep_flows: 90d, keep_dns_log: 30d }

policy:
  # What devices send through the tunnel; everything else they dial themselves.
  tunnel:
    domains: []        # for example corp.internal
    prefixes: []       # for example 10.0.0.0/8
    others: direct     # direct | refuse

  # Private destinations are denied unless an application or a rule allows them.
  public_default: block

  # Conditions with a name, for policies and network rules alike.
  rule_groups: []
  #  - { name: engineers, include: [{ group: engineers }] }

  # The most specific application owns a destination; its first policy that matches decides, none denies.
  applications: []
  #  - name: wiki
  #    destinations: ["wiki.corp.internal:443", "10.0.0.0/24:80,443"]
  #    policies:
  #      - { name: staff, decision: allow, include: [{ email_domain: example.com }] }
  #  - name: database
  #    destinations: ["db1.corp.internal:22"]
  #    protocol: ssh
  #    ssh: { unix_users: [admin], record: required, host_keys: ["ssh-ed25519 AAAA..."] }
  #    idle_timeout: 1h
  #    policies:
  #      - { name: engineers, decision: allow, include: [{ rule_group: engineers }] }

  network_rules:
    - { name: no-telnet, precedence: 10, action: block, destinations: ["*:23"], include: [{ everyone: true }] }
    - { phase: application, precedence: 100 }
`
}
