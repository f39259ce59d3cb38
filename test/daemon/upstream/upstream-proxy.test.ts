import test from 'ava'
import fc from 'fast-check'
import {
  type ProxyEnvironment,
  parseUpstream,
  upstreamUrlFor,
} from '../../../daemon/upstream/upstream-proxy.ts'

const kinds: Record<string, [string, string, string, number]> = {
  SOCKS5: ['socks5://proxy.corp:1081', 'socks5', 'proxy.corp', 1081],
  'SOCKS5 with names, default port': ['socks5h://proxy.corp', 'socks5', 'proxy.corp', 1080],
  SOCKS4a: ['socks4a://10.0.0.1', 'socks4', '10.0.0.1', 1080],
  'HTTP, default port': ['http://proxy.corp', 'http', 'proxy.corp', 80],
  HTTPS: ['https://[fd00::1]:8443', 'http', 'fd00::1', 8443],
  'no scheme': ['proxy.corp:3128', 'http', 'proxy.corp', 3128],
}
for (const [title, [text, kind, host, port]] of Object.entries(kinds)) {
  test(`D1 upstream: takes ${title}`, (t) => {
    t.like(parseUpstream(text, []), { ok: true, value: { kind, host, port } })
  })
}

const refused: Record<string, [string, string]> = {
  'another scheme': ['gopher://proxy.corp', 'bad_proxy_url'],
  'no host': ['socks5://', 'bad_proxy_url'],
  'our own port': ['http://127.0.0.1:7080', 'upstream_is_self'],
  'our own port by name': ['localhost:7080', 'upstream_is_self'],
  'our own port by IPv6': ['socks5://[::1]:7080', 'upstream_is_self'],
}
for (const [title, [text, reason]] of Object.entries(refused)) {
  test(`D1 upstream: refuses ${title}`, (t) => {
    t.like(parseUpstream(text, [7080]), { ok: false, error: { reason } })
  })
}

const target = { host: 'gw.corp.example', port: 8443 }
const choices: Record<string, [string | undefined, ProxyEnvironment, string | undefined]> = {
  'nothing: directly': [undefined, {}, undefined],
  'the setting wins': ['http://a', { https_proxy: 'http://b' }, 'http://a'],
  'HTTPS_PROXY before ALL_PROXY': [
    undefined,
    { HTTPS_PROXY: 'http://b', ALL_PROXY: 'http://c' },
    'http://b',
  ],
  ALL_PROXY: [undefined, { all_proxy: 'socks5://c' }, 'socks5://c'],
  'lower case wins': [undefined, { https_proxy: 'http://b', HTTPS_PROXY: 'http://c' }, 'http://b'],
  'an empty variable is none': [undefined, { https_proxy: '' }, undefined],
  'NO_PROXY by name': [
    undefined,
    { all_proxy: 'http://b', no_proxy: 'gw.corp.example' },
    undefined,
  ],
  'NO_PROXY by domain': [
    undefined,
    { all_proxy: 'http://b', no_proxy: 'x, .corp.example' },
    undefined,
  ],
  'NO_PROXY by domain without a dot': [
    undefined,
    { all_proxy: 'http://b', NO_PROXY: 'corp.example' },
    undefined,
  ],
  'NO_PROXY star': [undefined, { all_proxy: 'http://b', no_proxy: '*' }, undefined],
  'NO_PROXY with a port': [
    undefined,
    { all_proxy: 'http://b', no_proxy: 'corp.example:8443' },
    undefined,
  ],
  'NO_PROXY with another port': [
    undefined,
    { all_proxy: 'http://b', no_proxy: 'corp.example:443' },
    'http://b',
  ],
  'NO_PROXY that only ends alike': [
    undefined,
    { all_proxy: 'http://b', no_proxy: 'rp.example' },
    'http://b',
  ],
  'the setting is not subject to NO_PROXY': ['http://a', { no_proxy: '*' }, 'http://a'],
}
for (const [title, [setting, environment, wanted]] of Object.entries(choices)) {
  test(`D1 upstream: ${title}`, (t) => t.is(upstreamUrlFor(target, setting, environment), wanted))
}

test('D1 upstream: NO_PROXY takes prefixes for addresses', (t) => {
  const environment = { all_proxy: 'http://b', no_proxy: '10.0.0.0/8,[fd00::1]:8443' }
  t.is(upstreamUrlFor({ host: '10.1.2.3', port: 1 }, undefined, environment), undefined)
  t.is(upstreamUrlFor({ host: 'fd00::1', port: 8443 }, undefined, environment), undefined)
  t.is(upstreamUrlFor({ host: '11.1.2.3', port: 1 }, undefined, environment), 'http://b')
})

test('D1 upstream: neither parser ever throws', (t) => {
  const total = fc.property(fc.string(), fc.string(), (url, list) => {
    parseUpstream(url, [1])
    upstreamUrlFor(target, undefined, { all_proxy: url, no_proxy: list })
  })
  t.notThrows(() => fc.assert(total, { numRuns: process.env['ZT_FULL'] ? 5000 : 200 }))
})
