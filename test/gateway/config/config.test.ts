import test from 'ava'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { namedFiles } from '../../../gateway/config/files.ts'
import { sampleConfig } from '../../../gateway/config/sample.ts'
import { decodeConfig, decodePolicy, formatMistakes } from '../../../gateway/config.ts'

const GATEWAY = {
  organisation: 'Example',
  data: './data',
  tunnel: { listen: '0.0.0.0:8443', url: 'https://gw.example.com:8443' },
  login: { listen: '0.0.0.0:7443', url: 'https://login.example.com:7443' },
  admin: { listen: '[::1]:7444', url: 'https://admin.example.com' },
}

function mistakesOf(text: string): string {
  const decoded = decodeConfig(text, 'zt.yaml')
  return decoded.ok ? '' : formatMistakes(decoded.error)
}
const withGateway = (change: object) =>
  stringify({ gateway: { ...GATEWAY, ...change }, policy: {} })
const withPolicy = (policy: unknown) => stringify({ gateway: GATEWAY, policy })

const SAML = {
  name: 'corp',
  kind: 'saml',
  entry_point: 'https://idp.example.com/sso',
  idp_entity_id: 'https://idp.example.com/saml',
  idp_certificates_file: 'idp.pem',
}

test('the smallest configuration, with its defaults', (t) => {
  const decoded = decodeConfig(withGateway({}), '/etc/zt/zt.yaml')
  if (!decoded.ok) return t.fail(formatMistakes(decoded.error))
  t.like(decoded.value.gateway, {
    organisation: 'Example',
    data: '/etc/zt/./data',
    admin: { listen: { host: '::1', port: 7444 }, url: 'https://admin.example.com' },
    identityProviders: [{ name: 'local', kind: 'local' }],
    loginSessionMs: 28_800_000,
    loginPage: {},
    history: { flowsMs: 90 * 86_400_000, dnsLogMs: 30 * 86_400_000 },
  })
  t.false('recordings' in decoded.value.gateway)
  t.like(decoded.value.policy, { publicDefault: 'block', applications: [], ruleGroups: [] })
  t.true(Object.isFrozen(decoded.value.gateway.admin.listen))
  t.true(Object.isFrozen(decoded.value.policy.applications))
})

test('a full gateway section', (t) => {
  const text = withGateway({
    login: { ...GATEWAY.login, certificate_file: 'login.pem', key_file: '/keys/login.key' },
    hosts: { 'DB1.corp.internal': '::ffff:10.0.0.5' },
    identity_providers: [
      {
        name: 'corp',
        kind: 'oidc',
        issuer: 'https://idp.example.com/a/',
        client_id: 'zt',
        client_secret_file: 's',
      },
    ],
    recordings: { recipients_file: 'r.jws' },
    history: { keep_flows: 'forever', keep_dns_log: '1d' },
  })
  const decoded = decodeConfig(text, 'zt.yaml')
  if (!decoded.ok) return t.fail(formatMistakes(decoded.error))
  const { login, hosts, identityProviders, recordings, history } = decoded.value.gateway
  t.deepEqual(history, { flowsMs: Number.POSITIVE_INFINITY, dnsLogMs: 86_400_000 })
  t.deepEqual(login.certificate, { certificateFile: './login.pem', keyFile: '/keys/login.key' })
  t.deepEqual([...hosts], [['db1.corp.internal', '10.0.0.5']] as never)
  t.deepEqual(identityProviders, [
    {
      name: 'corp',
      kind: 'oidc',
      issuer: 'https://idp.example.com/a/',
      clientId: 'zt',
      clientSecretFile: './s',
      groupsClaim: 'groups',
      claims: [],
    },
  ])
  t.deepEqual(recordings, { recipientsFile: './r.jws', freeSpaceReserveMib: 512 })
})

test('GitHub, with its defaults and of a server of one own', (t) => {
  const app = { kind: 'github', client_id: 'Iv1', client_secret_file: 's' }
  const urls = { web_url: 'https://git.corp/', api_url: 'https://git.corp/api/v3/' }
  const both = [
    { ...app, name: 'a' },
    { ...app, ...urls, name: 'b', ca_file: 'ca.pem' },
  ]
  const decoded = decodeConfig(withGateway({ identity_providers: both }), '/etc/zt/zt.yaml')
  if (!decoded.ok) return t.fail(formatMistakes(decoded.error))
  const wanted = { kind: 'github', clientId: 'Iv1', clientSecretFile: '/etc/zt/s' }
  t.deepEqual(decoded.value.gateway.identityProviders, [
    { ...wanted, name: 'a', webUrl: 'https://github.com', apiUrl: 'https://api.github.com' },
    {
      ...{ ...wanted, name: 'b', caFile: '/etc/zt/ca.pem' },
      ...{ webUrl: 'https://git.corp', apiUrl: 'https://git.corp/api/v3' },
    },
  ] as never)
})

const PIN = {
  name: 'mail',
  kind: 'pin',
  host: 'mail.example.com',
  from: 'zt@example.com',
  allow: ['Example.COM', 'Guest@example.org'],
}

test('one-time PINs, with their defaults and in full', (t) => {
  const login = { user: 'zt', password_file: 'mail.secret', ca_file: 'mail-ca.pem' }
  const full = { ...PIN, ...login, name: 'two', host: '127.0.0.1', port: 25, tls: 'none' }
  const decoded = decodeConfig(withGateway({ identity_providers: [PIN, full] }), '/etc/zt/zt.yaml')
  if (!decoded.ok) return t.fail(formatMistakes(decoded.error))
  const plain = { kind: 'pin', from: 'zt@example.com', allow: ['example.com', 'guest@example.org'] }
  t.deepEqual(decoded.value.gateway.identityProviders, [
    { ...plain, name: 'mail', host: 'mail.example.com', port: 587, tls: 'starttls' },
    {
      ...plain,
      ...{ name: 'two', host: '127.0.0.1', port: 25, tls: 'none' },
      login: { user: 'zt', passwordFile: '/etc/zt/mail.secret' },
      caFile: '/etc/zt/mail-ca.pem',
    },
  ] as never)
  t.deepEqual(
    namedFiles(decoded.value.gateway).map(({ file, secret }) => [file, secret]),
    [
      ['/etc/zt/mail.secret', true],
      ['/etc/zt/mail-ca.pem', false],
    ],
  )
})

test('A6: the look of the login pages', (t) => {
  const written = { title: 'Corp', logo_file: 'logo.svg', colour: '#8A1C1C', message: 'Call 7000.' }
  const decoded = decodeConfig(withGateway({ login_page: written }), '/etc/zt/zt.yaml')
  if (!decoded.ok) return t.fail(formatMistakes(decoded.error))
  const { title, message } = written
  const loginPage = { title, logoFile: '/etc/zt/logo.svg', colour: '#8a1c1c', message }
  t.deepEqual(decoded.value.gateway.loginPage, loginPage)
  t.true(namedFiles(decoded.value.gateway).some(({ file }) => file === '/etc/zt/logo.svg'))
})

test('A5: a browser is logged in for a while, or not at all', (t) => {
  const decoded = decodeConfig(withGateway({ login_session_length: '0s' }), '/etc/zt/zt.yaml')
  t.is(decoded.ok ? decoded.value.gateway.loginSessionMs : -1, 0)
})

const gatewayMistakes: Readonly<Record<string, readonly [object, string]>> = {
  'an unknown key (T92)': [
    { organization: 'x' },
    'gateway.organization: unknown key; did you mean "organisation"?',
  ],
  'a missing key': [{ data: null }, 'gateway: "data" is missing; it is a path of a file'],
  'a colour by its name': [
    { login_page: { colour: 'red;}body{' } },
    'gateway.login_page.colour: "red;}body{" is not a colour',
  ],
  'a colour that hides white text': [
    { login_page: { colour: '#ffcc00' } },
    'gateway.login_page.colour: "#ffcc00" is too light',
  ],
  'a session without an end': [
    { login_session_length: 'forever' },
    'gateway.login_session_length: "forever" is not a duration',
  ],
  'history that is kept for an hour': [
    { history: { keep_flows: '1h' } },
    'gateway.history.keep_flows: history is kept for 1d at least',
  ],
  'history that is kept for nonsense': [
    { history: { keep_dns_log: 'always' } },
    'gateway.history.keep_dns_log: "always" is not a duration',
  ],
  'history that is kept for a bare number': [
    { history: { keep_flows: 90 } },
    'gateway.history.keep_flows: 90 is not a duration such as',
  ],
  'history of something else': [
    { history: { keep_audit: '1d' } },
    'gateway.history.keep_audit: unknown key',
  ],
  'a host name to listen on': [
    { tunnel: { ...GATEWAY.tunnel, listen: 'localhost:1' } },
    'gateway.tunnel.listen: "localhost:1" is not an address and port',
  ],
  'an octal listen address (T120)': [
    { tunnel: { ...GATEWAY.tunnel, listen: '0177.0.0.1:1' } },
    'is not an address and port',
  ],
  'a port over 65535': [
    { tunnel: { ...GATEWAY.tunnel, listen: '0.0.0.0:65536' } },
    'is not an address and port',
  ],
  'a URL with a path': [
    { tunnel: { ...GATEWAY.tunnel, url: 'https://gw.example.com/x' } },
    'is not an https URL without a path',
  ],
  'a URL with a user': [
    { tunnel: { ...GATEWAY.tunnel, url: 'https://a@gw.example.com' } },
    'is not an https URL without a path',
  ],
  'a URL of an octal host (T120)': [
    { tunnel: { ...GATEWAY.tunnel, url: 'https://0177.0.0.1' } },
    'is not an https URL without a path',
  ],
  'one host for login and admin (T94)': [
    { admin: { ...GATEWAY.admin, url: 'https://login.example.com:1' } },
    'gateway.admin.url: the host "login.example.com" is that of login.url too',
  ],
  'a certificate without its key': [
    { login: { ...GATEWAY.login, certificate_file: 'x' } },
    'gateway.login: "key_file" is missing',
  ],
  'a host that is no name': [
    { hosts: { 'a b': '10.0.0.1' } },
    'gateway.hosts["a b"]: "a b" is not a host name',
  ],
  'a host without an address': [{ hosts: { a: 'b' } }, 'gateway.hosts.a: "b" is not an IP address'],
  'a text for a mapping': [{ tunnel: 'x' }, 'gateway.tunnel: "x" is not a listener'],
  'a number for a text': [{ organisation: 5 }, 'gateway.organisation: 5 is not a text'],
  'a line break in a text': [
    { organisation: 'a\nb' },
    'gateway.organisation: "a\\nb" is not a text',
  ],
  'a negative reserve': [
    { recordings: { recipients_file: 'r', free_space_reserve_mib: -1 } },
    '-1 is not a whole number',
  ],
  'a provider without a kind': [
    { identity_providers: [{ name: 'a' }] },
    'gateway.identity_providers[0]: "kind" is missing; it is ',
  ],
  'a provider of an unknown kind': [
    { identity_providers: [{ name: 'a', kind: 'odic' }] },
    'gateway.identity_providers[0].kind: "odic" is not ',
  ],
  'a key of another kind (T92)': [
    { identity_providers: [{ name: 'a', kind: 'oidc', password_file: 'x' }] },
    'gateway.identity_providers[0].password_file: unknown key',
  ],
  'a text for a provider': [
    { identity_providers: ['oidc'] },
    'gateway.identity_providers[0]: "oidc" is not an identity provider',
  ],
  'two local directories': [
    { identity_providers: ['a', 'b'].map((name) => ({ name, kind: 'local' })) },
    'gateway.identity_providers[1].kind: there is one local directory; it is listed twice',
  ],
  'PINs that cross the network in plain': [
    { identity_providers: [{ ...PIN, tls: 'none' }] },
    'gateway.identity_providers[0].tls: PINs cross the network unencrypted',
  ],
  'PINs for nobody': [
    { identity_providers: [{ ...PIN, allow: [] }] },
    'gateway.identity_providers[0].allow: the list is empty',
  ],
  'PINs for an address with a name': [
    { identity_providers: [{ ...PIN, allow: ['Ann <ann@example.com>'] }] },
    'is not a plain email address',
  ],
  'PINs for all': [
    { identity_providers: [{ ...PIN, allow: ['*'] }] },
    'gateway.identity_providers[0].allow[0]: "*" is no email address and no domain',
  ],
  'a mail user without a password': [
    { identity_providers: [{ ...PIN, user: 'x' }] },
    'gateway.identity_providers[0]: "password_file" is missing',
  ],
  'a SAML signing key without its certificate': [
    { identity_providers: [{ ...SAML, signing_key_file: 'k' }] },
    'gateway.identity_providers[0]: "signing_certificate_file" is missing; key and certificate go together',
  ],
  'one provider name twice': [
    {
      identity_providers: [1, 2].map(() => ({
        name: 'a',
        kind: 'oidc',
        issuer: 'https://a.b',
        client_id: 'c',
        client_secret_file: 's',
      })),
    },
    'gateway.identity_providers[1].name: the name "a" is used twice',
  ],
}

test('A6: a SAML provider is decoded, its files absolute', (t) => {
  const text = withGateway({
    identity_providers: [
      {
        ...SAML,
        email_attribute: 'mail',
        claims: ['department'],
        signing_key_file: 'k',
        signing_certificate_file: '/c',
      },
    ],
  })
  const decoded = decodeConfig(text, '/etc/zt/zt.yaml')
  if (!decoded.ok) return t.fail(formatMistakes(decoded.error))
  t.deepEqual(decoded.value.gateway.identityProviders, [
    {
      name: 'corp',
      kind: 'saml',
      entryPoint: 'https://idp.example.com/sso',
      idpEntityId: 'https://idp.example.com/saml',
      idpCertificatesFile: '/etc/zt/idp.pem',
      groupsAttribute: 'groups',
      emailAttribute: 'mail',
      claims: ['department'],
      signing: { keyFile: '/etc/zt/k', certificateFile: '/c' },
    },
  ])
})

const app = (more: object) => ({ name: 'a', destinations: ['w:1'], ...more })
const policyMistakes: Readonly<Record<string, readonly [unknown, string]>> = {
  'an unknown selector (T92)': [
    { rule_groups: [{ name: 'g', include: [{ grup: 'x' }] }] },
    'include[0].grup: unknown selector; did you mean "group"?',
  ],
  'two selectors in one': [
    { rule_groups: [{ name: 'g', include: [{ group: 'x', email: 'a@b.c' }] }] },
    'a selector has one key',
  ],
  'nobody included': [{ rule_groups: [{ name: 'g', include: [] }] }, 'the list is empty'],
  'everyone: false': [
    { rule_groups: [{ name: 'g', include: [{ everyone: false }] }] },
    'false is not true',
  ],
  'an email with two at signs (T26)': [
    { rule_groups: [{ name: 'g', include: [{ email: 'a@b@c.d' }] }] },
    '"a@b@c.d" is not an email address',
  ],
  'a rule group that is not there': [
    { rule_groups: [{ name: 'g', include: [{ rule_group: 'h' }] }] },
    'there is no rule group "h"',
  ],
  'a rule group within itself': [
    { rule_groups: [{ name: 'g', include: [{ rule_group: 'g' }] }] },
    'the rule group "g" contains itself',
  ],
  'rule groups in a ring': [
    {
      rule_groups: [
        { name: 'g', include: [{ rule_group: 'h' }] },
        { name: 'h', exclude: [{ rule_group: 'g' }], include: [{ everyone: true }] },
      ],
    },
    'the rule group "h" contains itself',
  ],
  'no port': [{ applications: [app({ destinations: ['w'] })] }, '"w" names no port'],
  'an IPv6 address without brackets': [
    { applications: [app({ destinations: ['fd00::1:22'] })] },
    '"fd00::1:22" names no port',
  ],
  'host bits in a prefix': [
    { applications: [app({ destinations: ['10.0.0.5/24:1'] })] },
    'bits after the prefix length are set',
  ],
  'a star within a name': [
    { applications: [app({ destinations: ['a.*.corp:1'] })] },
    '"a.*.corp" is not a host name, "*.zone", address or prefix',
  ],
  'a short address (T120)': [
    { applications: [app({ destinations: ['127.1:1'] })] },
    '"127.1" is not a prefix',
  ],
  'ssh without limits': [
    { applications: [app({ protocol: 'ssh' })] },
    'policy.applications[0]: "ssh" is missing',
  ],
  'ssh limits without ssh': [
    { applications: [app({ ssh: { unix_users: ['a'] } })] },
    'policy.applications[0].ssh: only an application with "protocol: ssh"',
  ],
  'no UNIX user': [
    { applications: [app({ protocol: 'ssh', ssh: { unix_users: [] } })] },
    'unix_users: the list is empty',
  ],
  'a UNIX user with a hyphen in front (T26)': [
    { applications: [app({ protocol: 'ssh', ssh: { unix_users: ['-oX'] } })] },
    '"-oX" is not a UNIX user name',
  ],
  'a UNIX user with a dollar (T26)': [
    { applications: [app({ protocol: 'ssh', ssh: { unix_users: ['a$x'] } })] },
    '"a$x" is not a UNIX user name',
  ],
  'a host key of two lines': [
    {
      applications: [
        app({
          protocol: 'ssh',
          ssh: { unix_users: ['a'], host_keys: [`ssh-ed25519 ${'A'.repeat(68)}\nx`] },
        }),
      ],
    },
    'is not an OpenSSH public key',
  ],
  'a duration without a unit': [
    { applications: [app({ idle_timeout: '60' })] },
    '"60" is not a duration',
  ],
  'a number for a duration': [
    { applications: [app({ idle_timeout: 60 })] },
    '60 is not a duration',
  ],
  'a wait that is too short for anybody (D9)': [
    { prompt_timeout: '9999ms' },
    'a connection waits for 10s to 10m',
  ],
  'a wait that is longer than programs wait (D9)': [
    { prompt_timeout: '11m' },
    'a connection waits for 10s to 10m',
  ],
  'a tie of two applications (G4)': [
    { applications: [app({ destinations: ['w:1-5'] }), { name: 'b', destinations: ['W:5-9'] }] },
    'policy.applications[1].destinations[0]: "W:5-9" overlaps with "w:1-5" of application "a"',
  ],
  'two application phases': [
    { network_rules: [1, 2].map((precedence) => ({ phase: 'application', precedence })) },
    'the phase "application" is used twice',
  ],
  'one precedence twice': [
    {
      network_rules: ['a', 'b'].map((name) => ({
        name,
        precedence: 1,
        action: 'block',
        destinations: ['*:1'],
        include: [{ everyone: true }],
      })),
    },
    'policy.network_rules[1].precedence: the precedence 1 is used twice',
  ],
  'an unknown phase': [
    { network_rules: [{ phase: 'http', precedence: 1 }] },
    '"http" is not "application"',
  ],
  'a list for the policy': [[], 'policy: [] is not a mapping with the policy'],
}

for (const [title, [change, wanted]] of Object.entries(gatewayMistakes)) {
  test(`refuses ${title}`, (t) =>
    t.true(mistakesOf(withGateway(change)).includes(wanted), mistakesOf(withGateway(change))))
}
for (const [title, [policy, wanted]] of Object.entries(policyMistakes)) {
  test(`refuses ${title}`, (t) =>
    t.true(mistakesOf(withPolicy(policy)).includes(wanted), mistakesOf(withPolicy(policy))))
}

const texts: Readonly<Record<string, readonly [string, string]>> = {
  nothing: ['', '"gateway" is missing'],
  'a key of the top that is unknown (T92)': [
    'polcy: {}\n',
    'zt.yaml:1: polcy: unknown key; did you mean "policy"?',
  ],
  'broken YAML': ['gateway: {\n', 'zt.yaml:2'],
  'two documents': ['a: 1\n---\nb: 2\n', 'multiple documents'],
  'a tag that is unknown': ['gateway: !!js/function x\n', 'zt.yaml:1'],
  'a merge key': ['gateway: { <<: { data: x } }\n', 'gateway["<<"]: unknown key'],
  'a key __proto__ (T92)': ['__proto__: { gateway: {} }\n', '__proto__: unknown key'],
  'nesting without end': ['['.repeat(50_000) + ']'.repeat(50_000), 'call stack'],
  'an alias bomb': [bomb(), 'too many aliases'],
  'a control character in a key': ['"a\\u001b[2J": 1\n', '["a\\u001b[2J"]: unknown key'],
}
for (const [title, [text, wanted]] of Object.entries(texts)) {
  test(`refuses ${title}`, (t) => t.true(mistakesOf(text).includes(wanted), mistakesOf(text)))
}

function bomb(): string {
  const levels = Array.from({ length: 12 }, (_, index) => {
    const uses =
      index === 0
        ? '[x, x]'
        : `[${Array(9)
            .fill(`*a${index - 1}`)
            .join(', ')}]`
    return `a${index}: &a${index} ${uses}`
  })
  return levels.join('\n')
}

test('the policy section stands alone as a revision', (t) => {
  const text = withPolicy({ applications: [app({})], public_default: 'allow' })
  const decoded = decodeConfig(text, 'zt.yaml')
  if (!decoded.ok) return t.fail(formatMistakes(decoded.error))
  t.deepEqual(decodePolicy(decoded.value.policyText, 'revision 1'), {
    ok: true,
    value: decoded.value.policy,
  })
  t.true(decoded.value.policyText.startsWith('policy:\n'))
})

test('also when it uses an anchor from elsewhere, or is written in one line', (t) => {
  const anchored = `gateway: &g ${JSON.stringify(GATEWAY)}\npolicy: { rule_groups: &r [], applications: *r }\n`
  const flow = JSON.stringify({ gateway: GATEWAY, policy: { public_default: 'allow' } })
  for (const text of [anchored, flow]) {
    const decoded = decodeConfig(text, 'zt.yaml')
    if (!decoded.ok) return t.fail(formatMistakes(decoded.error))
    t.true(decodePolicy(decoded.value.policyText, 'revision 1').ok)
  }
})

test('a revision holds a policy and nothing else', (t) => {
  const decoded = decodePolicy('policy: {}\ngateway: {}\n', 'revision 1')
  t.is(
    decoded.ok ? '' : formatMistakes(decoded.error),
    'revision 1:2: gateway: unknown key; known here: policy',
  )
})

test('the sample of init decodes as it is', (t) => {
  const text = sampleConfig({ organisation: 'A "quoted": #name', data: './data' })
  const decoded = decodeConfig(text, 'zt.yaml')
  t.is(
    decoded.ok ? decoded.value.gateway.organisation : formatMistakes(decoded.error),
    'A "quoted": #name',
  )
})

test('what the sample shows in comments decodes too', (t) => {
  const text = sampleConfig({ organisation: 'x', data: 'd' })
    .replace('"ssh-ed25519 AAAA..."', `"ssh-ed25519 ${'A'.repeat(68)}"`)
    .replace(/^( +(?:hosts|identity_providers|rule_groups|applications)): (?:\[\]|\{\})$/gm, '$1:')
    .replace(/^( *)# {2}( *(?:-|[a-z0-9_.]+:) .*|policies:)$/gm, '$1  $2')
    .replace(/^( *)# {2}( *[a-z]+:)$/gm, '$1  $2')
    .replace('# recordings:', 'recordings:')
  const decoded = decodeConfig(text, 'zt.yaml')
  if (!decoded.ok) return t.fail(formatMistakes(decoded.error))
  t.is(decoded.value.policy.applications.length, 2)
  t.is(decoded.value.gateway.identityProviders.length, 4)
  t.is(decoded.value.gateway.recordings?.freeSpaceReserveMib, 512)
})

test('any text and any value decodes or is refused with line and path, and nothing throws', (t) => {
  const key = fc.constantFrom(
    'gateway',
    'policy',
    'applications',
    'name',
    'include',
    'destinations',
    'network_rules',
    '__proto__',
    'constructor',
  )
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 6 },
      fc.jsonValue(),
      fc.dictionary(key, tie('tree'), { maxKeys: 4 }),
      fc.array(tie('tree'), { maxLength: 3 }),
    ),
  }))
  const refuses = fc.property(
    fc.oneof(
      fc.string(),
      tree.map((value) => JSON.stringify(value)),
    ),
    (text) => {
      const decoded = decodeConfig(text, 'f')
      return decoded.ok || decoded.error.every(({ line, path }) => line >= 1 && path !== '')
    },
  )
  t.notThrows(() => fc.assert(refuses, { numRuns: 150 }))
})
