import test from 'ava'
import fc from 'fast-check'
import { addressFromBytes, type IpAddress, parseAddress } from '#lib/net/address'
import {
  formatPrefix,
  isSingleAddress,
  type Prefix,
  parsePrefix,
  prefixContains,
  prefixCovers,
} from '#lib/net/prefix'
import { PrefixTrie } from '#lib/net/prefix-trie'

const cases = {
  'reads a prefix': ['10.0.0.0/8', '10.0.0.0/8'],
  'reads an address as a full prefix': ['10.0.0.5', '10.0.0.5/32'],
  'reads IPv6': ['2001:DB8::/32', '2001:db8::/32'],
  'reads everything': ['0.0.0.0/0', '0.0.0.0/0'],
  'refuses a length over 32': ['10.0.0.0/33', 'bad_prefix_length'],
  'refuses a length over 128': ['::/129', 'bad_prefix_length'],
  'refuses a length with a leading zero': ['10.0.0.0/08', 'bad_prefix_length'],
  'refuses a missing length': ['10.0.0.0/', 'bad_prefix_length'],
  'refuses a netmask': ['10.0.0.0/255.0.0.0', 'bad_prefix_length'],
  'refuses host bits': ['10.0.0.5/24', 'host_bits_set'],
  'refuses a bad address': ['10.0.0/8', 'bad_address'],
  'refuses a mapped prefix (T120)': ['::ffff:10.0.0.0/104', 'bad_address'],
} as const
for (const [title, [text, wanted]] of Object.entries(cases)) {
  test(`prefix: ${title}`, (t) => {
    const parsed = parsePrefix(text)
    t.is(parsed.ok ? formatPrefix(parsed.value) : parsed.error.reason, wanted)
  })
}

test('prefix: contains, covers, single', (t) => {
  const ten = prefix('10.0.0.0/8')
  t.true(prefixContains(ten, address('10.255.0.1')))
  t.false(prefixContains(ten, address('11.0.0.0')))
  t.false(prefixContains(prefix('::/0'), address('10.0.0.1')), 'never across versions')
  t.true(prefixCovers(ten, prefix('10.1.0.0/16')))
  t.false(prefixCovers(prefix('10.1.0.0/16'), ten))
  t.true(isSingleAddress(prefix('::1')))
  t.false(isSingleAddress(ten))
})

test('prefix trie: the longest prefix first, equals in order', (t) => {
  const trie = new PrefixTrie<string>()
  for (const text of ['0.0.0.0/0', '10.0.0.0/8', '10.1.0.0/16', '10.1.0.0/16', '::/0']) {
    trie.add(prefix(text), text)
  }
  t.deepEqual(trie.matches(address('10.1.2.3')), [
    '10.1.0.0/16',
    '10.1.0.0/16',
    '10.0.0.0/8',
    '0.0.0.0/0',
  ])
  t.is(trie.longest(address('10.2.0.0')), '10.0.0.0/8')
  t.is(trie.longest(address('::1')), '::/0')
  t.is(new PrefixTrie<string>().longest(address('::1')), undefined)
})

test('prefix trie: finds what a scan finds', (t) => {
  const octets = fc.uint8Array({ minLength: 4, maxLength: 4, max: 3 })
  const some = fc.array(fc.tuple(octets, fc.integer({ min: 0, max: 32 })), { maxLength: 30 })
  const same = fc.property(some, octets, (list, target) => {
    const prefixes = list.map(([bytes, length]) => truncated(bytes, length))
    const trie = new PrefixTrie<Prefix>()
    for (const one of prefixes) trie.add(one, one)
    const wanted = addressFromBytes(target)
    const scanned = prefixes
      .filter((one) => prefixContains(one, wanted))
      .sort((a, b) => b.length - a.length)
    t.deepEqual(trie.matches(wanted), scanned)
  })
  fc.assert(same, { numRuns: 100 })
})

function truncated(bytes: Uint8Array, length: number): Prefix {
  const kept = bytes.map((octet, index) => {
    const bits = Math.min(8, Math.max(0, length - index * 8))
    return octet & (0xff00 >> bits)
  })
  return { address: addressFromBytes(kept), length }
}

function address(text: string): IpAddress {
  const parsed = parseAddress(text)
  if (!parsed.ok) throw new Error(text)
  return parsed.value
}

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text)
  if (!parsed.ok) throw new Error(text)
  return parsed.value
}
