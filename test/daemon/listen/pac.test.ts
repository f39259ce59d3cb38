import { createRequire } from 'node:module'
import test from 'ava'
import { printPac } from '../../../daemon/listen/pac.ts'

const settings = {
  domains: ['corp.internal'],
  prefixes: ['10.0.0.0/8', '172.16.0.0/12', 'fd00::/8'],
  others: 'direct' as const,
}
const PROXY = 'PROXY 127.0.0.1:7080'

type PacResolver = (url: string) => Promise<string>
type PacModules = readonly [
  { readonly createPacResolver: (engine: unknown, text: string) => PacResolver },
  { readonly QuickJS: { readonly create: () => Promise<unknown> } },
]

/** Loaded untyped: the declarations of the engine need DOM types, which this project leaves out. */
async function find(text: string, url: string): Promise<string> {
  const resolver = import.meta.resolve('pac-resolver')
  // The engine is the resolver's own dependency.
  const engine = createRequire(resolver).resolve('quickjs-wasi')
  const modules = await Promise.all([import(resolver), import(engine)])
  const [{ createPacResolver }, { QuickJS }] = modules as unknown as PacModules
  return createPacResolver(await QuickJS.create(), text)(url)
}

const table: Record<string, [string, string]> = {
  'a zone': ['http://corp.internal/', PROXY],
  'a name in a zone': ['https://wiki.CORP.internal/', PROXY],
  'a name that only ends alike': ['https://evilcorp.internal/', 'DIRECT'],
  'an address in a prefix': ['http://10.20.30.40:8080/', PROXY],
  'an address in a prefix of 12 bits': ['http://172.31.255.1/', PROXY],
  'an address next to it': ['http://172.32.0.1/', 'DIRECT'],
  'an address outside': ['http://192.0.2.1/', 'DIRECT'],
  'an IPv6 literal, for the proxy to decide': ['http://[fd00::1]/', PROXY],
  'anything else': ['https://example.com/', 'DIRECT'],
}
for (const [title, [url, wanted]] of Object.entries(table)) {
  test(`D1 PAC: ${title} → ${wanted}`, async (t) => {
    t.is(await find(printPac(settings, 7080), url), wanted)
  })
}

test('D1 PAC: sends everything to the proxy when others are refused, or nothing is known yet', async (t) => {
  const refuse = printPac({ ...settings, others: 'refuse' }, 7080)
  t.is(await find(refuse, 'https://example.com/'), PROXY)
  t.is(await find(printPac(undefined, 7080), 'https://example.com/'), PROXY)
})
