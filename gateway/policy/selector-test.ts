/**
 * Selectors, compiled: those of one kind become one test over a hash or a trie.
 */
import { PrefixTrie } from '#lib/net/prefix-trie'
import type { Asker } from './asker.ts'
import type { List, Selector, TextAttribute } from './document.ts'
import type { CheckResult } from './facts.ts'
import type { Moment } from './moment.ts'
import { isAmong, type Truth, truth, valueSet } from './truth.ts'

/** Whether an asker has what is looked for. */
export type Test = (asker: Asker, moment: Moment) => Truth

/** Lists by name, compiled once for all that name them. */
export type CompiledLists = ReadonlyMap<string, Test>

type Of<K extends Selector['kind']> = Extract<Selector, { readonly kind: K }>
type Attribute = string | readonly string[] | undefined

const ATTRIBUTES: Readonly<Record<TextAttribute, (asker: Asker) => Attribute>> = {
  email: ({ email }) => email,
  email_domain: ({ emailDomain }) => emailDomain,
  group: ({ groups }) => groups,
  device_id: ({ deviceId }) => deviceId,
  country: ({ country }) => country,
  login_method: ({ provider }) => provider,
  amr: ({ amr }) => amr,
  auth_context: ({ acr }) => acr,
}

/** A service is no person: it has none of these, for certain. */
const OF_PERSONS: ReadonlySet<string> = new Set<Selector['kind']>([
  'email',
  'email_domain',
  'group',
  'login_method',
  'amr',
  'auth_context',
])

/** The tests of which any may hold; `everyone`, rule groups and `any_of` are not among them. */
export function compileTests(selectors: readonly Selector[], lists: CompiledLists): Test[] {
  const of = <K extends Selector['kind']>(kind: K) =>
    selectors.filter((one): one is Of<K> => one.kind === kind)
  return [
    ...attributeTests(selectors),
    ...sourceTests(of('ip_range').map(({ prefix }) => prefix)),
    ...claimTests(of('claim')),
    ...of('list').map(({ list }) => lists.get(list) ?? unknown),
    ...of('device_posture').map(({ check }) => resultTest((asker) => asker.posture(check))),
    ...of('external').map(({ evaluator }) => resultTest((asker) => asker.evaluation(evaluator))),
    ...serviceTests(of('service_token')),
  ]
}

/** The tests that name the service that asks. */
export function compileServiceTests(selectors: readonly Selector[]): Test[] {
  return serviceTests(selectors.filter((one) => one.kind === 'service_token'))
}

/** Compiles a list; one that no selector names costs its own values only. */
export function compileList(list: List): Test {
  if (list.kind === 'serial') return unknown
  const [test = never] =
    list.kind === 'ip' ? sourceTests(list.values) : [attributeTest(list.kind, list.values)]
  return test
}

function unknown(): Truth {
  return 'unknown'
}

function never(): Truth {
  return 'no'
}

function attributeTests(selectors: readonly Selector[]): Test[] {
  const kinds = new Map<TextAttribute, string[]>()
  for (const one of selectors) {
    if (!('value' in one) || one.kind === 'claim') continue
    const values = kinds.get(one.kind)
    if (values === undefined) kinds.set(one.kind, [one.value])
    else values.push(one.value)
  }
  return [...kinds].map(([kind, values]) => attributeTest(kind, values))
}

function attributeTest(kind: TextAttribute, values: readonly string[]): Test {
  const read = ATTRIBUTES[kind]
  const among = valueSet(values)
  if (!OF_PERSONS.has(kind)) return (asker) => isAmong(among, read(asker))
  return (asker) => (asker.isService ? 'no' : isAmong(among, read(asker)))
}

function sourceTests(prefixes: readonly Of<'ip_range'>['prefix'][]): Test[] {
  if (prefixes.length === 0) return []
  const trie = new PrefixTrie<true>()
  for (const prefix of prefixes) trie.add(prefix, true)
  return [({ source }) => (source === undefined ? 'unknown' : truth(trie.longest(source) === true))]
}

function claimTests(claims: readonly Of<'claim'>[]): Test[] {
  return claims.map(({ name, value }) => {
    const values = valueSet([value])
    return (asker) => (asker.isService ? 'no' : isAmong(values, asker.claim(name)))
  })
}

function serviceTests(services: readonly Of<'service_token'>[]): Test[] {
  return services.map(({ token }) => ({ isService, service }) => {
    if (token === undefined || !isService) return truth(isService)
    return service === undefined ? 'unknown' : truth(service === token)
  })
}

/** A result that is too old is not known: it neither admits nor excuses. */
function resultTest(read: (asker: Asker) => CheckResult | undefined): Test {
  return (asker, moment) => {
    const result = read(asker)
    const untilSeconds = Math.ceil((result?.validUntilMs ?? 0) / 1000)
    if (result === undefined || !(untilSeconds > moment.nowSeconds)) return 'unknown'
    moment.validUntilSeconds = Math.min(moment.validUntilSeconds, untilSeconds)
    return truth(result.passed)
  }
}
