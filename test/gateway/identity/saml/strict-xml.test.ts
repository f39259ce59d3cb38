import { isDeepStrictEqual } from 'node:util'
import test from 'ava'
import fc from 'fast-check'
import {
  parseStrictXml,
  type XmlElement,
  type XmlFault,
} from '../../../../gateway/identity/saml/strict-xml.ts'

test('A6: elements, attributes, namespaces and references are read', (t) => {
  const xml =
    '<?xml version="1.0" encoding="UTF-8"?>\n<p:a xmlns:p="urn:p" xmlns="urn:d" x=\'1 > 0\'>\r\nA &amp; B&#x20;&#33;<b y="&quot;"/> C<p:c xmlns:p="urn:q"></p:c ></p:a>\n'
  const root = parseStrictXml(xml)
  if (!root.ok) return t.fail(root.error)
  const { namespace, name, attributes, text, children } = root.value
  t.deepEqual([namespace, name, text], ['urn:p', 'a', '\nA & B ! C'])
  t.is(attributes.get('x'), '1 > 0')
  t.deepEqual(
    children.map((one) => [one.namespace, one.name, one.attributes.get('y')]),
    [
      ['urn:d', 'b', '"'],
      ['urn:q', 'c', undefined],
    ],
  )
})

const refused: Readonly<Record<string, readonly [string, XmlFault]>> = {
  nothing: ['', 'malformed'],
  'text alone': ['a', 'malformed'],
  'text beside the root': ['<a/>b', 'malformed'],
  'two roots': ['<a/><b/>', 'malformed'],
  'an open element': ['<a><b></a>', 'malformed'],
  'an end without a beginning': ['<a/></a>', 'malformed'],
  'a tag without end': ['<a', 'malformed'],
  'an attribute without quotes': ['<a b=c/>', 'malformed'],
  'an attribute without a value': ['<a b/>', 'malformed'],
  'an attribute twice': ['<a b="1" b="2"/>', 'malformed'],
  'attributes without space': ['<a b="1"c="2"/>', 'malformed'],
  'a < in an attribute': ['<a b="<c/>"/>', 'malformed'],
  'a prefix that nobody declared': ['<p:a/>', 'malformed'],
  'an unknown entity': ['<a>&x;</a>', 'malformed'],
  'a bare ampersand': ['<a>R&D</a>', 'malformed'],
  'a reference to NUL': ['<a>&#0;</a>', 'malformed'],
  'a reference beyond Unicode': ['<a>&#x110000;</a>', 'malformed'],
  'a control character': ['<a>\u0001</a>', 'malformed'],
  'half a surrogate pair': ['<a>\ud800</a>', 'malformed'],
  'a comment': ['<a><!-- --></a>', 'forbidden_markup'],
  CDATA: ['<a><![CDATA[b]]></a>', 'forbidden_markup'],
  'a document type': ['<!DOCTYPE a><a/>', 'forbidden_markup'],
  'a processing instruction': ['<a/><?b?>', 'forbidden_markup'],
  'another encoding': ['<?xml version="1.0" encoding="UTF-16"?><a/>', 'forbidden_markup'],
  'XML 1.1': ['<?xml version="1.1"?><a/>', 'forbidden_markup'],
  'a deep document': [`${'<a>'.repeat(33)}${'</a>'.repeat(33)}`, 'too_complex'],
  'many elements': [`<a>${`<b>${'<c/>'.repeat(1000)}</b>`.repeat(4)}</a>`, 'too_complex'],
  'many elements in one': [`<a>${'<b/>'.repeat(1025)}</a>`, 'too_complex'],
  'many attributes in all': [
    `<a>${'<b c="" d="" e="" f="" g="" h=""/>'.repeat(900)}</a>`,
    'too_complex',
  ],
  'many attributes': [
    `<a ${Array.from({ length: 33 }, (_, n) => `b${n}=""`).join(' ')}/>`,
    'too_complex',
  ],
}
for (const [title, [xml, fault]] of Object.entries(refused)) {
  test(`A6: strict XML refuses ${title}`, (t) => {
    t.deepEqual(parseStrictXml(xml), { ok: false, error: fault })
  })
}

/** Trees of depth four at most: name, attributes, text, children. */
type Tree = readonly [string, Record<string, string>, string, readonly Tree[]]
const trees: (depth?: number) => fc.Arbitrary<Tree> = fc.memo((depth) =>
  fc.tuple(
    fc.constantFrom('a', 'b', 'c.d', '_e'),
    fc.dictionary(fc.constantFrom('x', 'y', 'z'), fc.string(), { noNullPrototype: true }),
    fc.string(),
    depth > 1 ? fc.array(trees(), { maxLength: 3 }) : fc.constant<readonly Tree[]>([]),
  ),
)
const encoded = (text: string) => text.replace(/[<&"\s]/g, (one) => `&#${one.codePointAt(0)};`)

function written([name, attributes, text, children]: Tree): string {
  const list = Object.entries(attributes).map(([key, value]) => ` ${key}="${encoded(value)}"`)
  return `<${name}${list.join('')}>${encoded(text)}${children.map(written).join('')}</${name}>`
}

function read({ name, attributes, text, children }: XmlElement): unknown {
  return [name, Object.fromEntries(attributes), text, children.map(read)]
}

test('A6: what is written is what is read', (t) => {
  const property = fc.property(trees(4), (tree) => {
    const root = parseStrictXml(written(tree))
    return root.ok && isDeepStrictEqual(read(root.value), tree)
  })
  t.notThrows(() => fc.assert(property))
})

test('A6: any text is read or refused, never a throw', (t) => {
  const pieces = fc.constantFrom(
    '<',
    '>',
    '/',
    'a',
    ' ',
    '"',
    "'",
    '=',
    '&',
    ';',
    '#',
    'x',
    ':',
    '!',
  )
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(pieces).map((some) => some.join('')),
  )
  t.notThrows(() =>
    fc.assert(fc.property(text, (xml) => typeof parseStrictXml(xml).ok === 'boolean')),
  )
})

test('A6: hostile text is refused in little time', (t) => {
  const began = process.hrtime.bigint()
  for (const unit of ['<a ', ' a=', '<a b="', '&', '<a b=" ', 'a:', '</']) {
    t.false(parseStrictXml(`<a${unit.repeat(Math.floor(250_000 / unit.length))}`).ok)
  }
  const ms = Number(process.hrtime.bigint() - began) / 1e6
  t.true(ms < 5000, `${ms} ms`)
})
