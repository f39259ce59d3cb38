/**
 * Reads the part of XML that machine-written SAML needs: elements, attributes, text, namespaces. Everything else is
 * refused, so that no two parsers can read one document differently (CVE-2025-25291): declarations, entities, comments,
 * CDATA, processing instructions, unquoted or repeated attributes.
 */
import { err, ok, type Result } from '#lib/result'

/** One element. */
export type XmlElement = {
  readonly namespace: string
  /** Without prefix. */
  readonly name: string
  /** By name as written, prefix and all. */
  readonly attributes: ReadonlyMap<string, string>
  readonly children: readonly XmlElement[]
  /** Text directly inside, references resolved. */
  readonly text: string
}

/** Why a document is not read: markup that is refused whatever it says, no XML, too many or too deep elements. */
export type XmlFault = 'forbidden_markup' | 'malformed' | 'too_complex'

/** Tags that are read: the thousand groups that one person may have are two thousand. */
const TAGS_LIMIT = 4000
/** Elements directly in one element: the XPath below signature libraries compares each with each. */
const CHILDREN_LIMIT = 1024
/** Elements inside elements; a signed response goes about ten deep. */
const DEPTH_LIMIT = 32
/** Attributes of one element, and of all. */
const ATTRIBUTES_LIMIT = 32
const ALL_ATTRIBUTES_LIMIT = 5000

const SPACE = '[ \\t\\n]'
const NAME = '[A-Za-z_][\\w.-]*(?::[A-Za-z_][\\w.-]*)?'
const EQUALS = `${SPACE}*=${SPACE}*`
const ATTRIBUTE = new RegExp(`(${NAME})${EQUALS}(?:"([^"]*)"|'([^']*)')`, 'g')
/** What follows a `<`: the tag to its end, then text. */
const OPENING = new RegExp(
  `^(${NAME})((?:${SPACE}+${NAME}${EQUALS}(?:"[^"]*"|'[^']*'))*)${SPACE}*(/?)>([^]*)$`,
)
const CLOSING = new RegExp(`^/(${NAME})${SPACE}*>([^]*)$`)
const DECLARATION =
  /^<\?xml version=(["'])1\.0\1(?: encoding=(["'])utf-8\2)?(?: standalone=(["'])(?:yes|no)\3)? ?\?>/i
/** Extensible Markup Language 1.0, section 2.2. */
const FORBIDDEN_CHARACTER = /[^\t\n\x20-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u

type Scope = ReadonlyMap<string, string>
type Growing = XmlElement & { readonly children: XmlElement[]; text: string }
/** An element whose end has not been seen. */
type Open = { readonly written: string; readonly scope: Scope; readonly element: Growing }

/** Reads a document. Never throws. */
export function parseStrictXml(document: string): Result<XmlElement, XmlFault> {
  const text = document.replace(/\r\n?/g, '\n')
  if (FORBIDDEN_CHARACTER.test(text)) return err('malformed')
  const [before = '', ...pieces] = text.replace(DECLARATION, '').split('<')
  if (pieces.some((piece) => /^[!?]/.test(piece))) return err('forbidden_markup')
  // Counted before they are parsed: each has an equals sign.
  const attributes = text.split('=').length - 1
  if (pieces.length > TAGS_LIMIT || attributes > ALL_ATTRIBUTES_LIMIT) return err('too_complex')
  const whole = grow('', '', new Map())
  const scope = new Map([['xml', 'http://www.w3.org/XML/1998/namespace']])
  const open: Open[] = [{ written: '', scope, element: whole }]
  whole.text = before
  for (const piece of pieces) {
    const fault = piece.startsWith('/') ? close(open, piece) : begin(open, piece)
    if (fault !== undefined) return err(fault)
  }
  const [root, ...more] = whole.children
  const alone = more.length === 0 && open.length === 1 && /^[ \t\n]*$/.test(whole.text)
  return root !== undefined && alone ? ok(root) : err('malformed')
}

function grow(namespace: string, name: string, attributes: ReadonlyMap<string, string>): Growing {
  return { namespace, name, attributes, children: [], text: '' }
}

function begin(open: Open[], piece: string): XmlFault | undefined {
  const [tag, written = '', list = '', slash, after = ''] = OPENING.exec(piece) ?? []
  const parent = open.at(-1)
  const attributes = attributesOf(list)
  const text = resolved(after)
  if (tag === undefined || parent === undefined || attributes === undefined || text === undefined) {
    return 'malformed'
  }
  if (open.length > DEPTH_LIMIT || attributes.size > ATTRIBUTES_LIMIT) return 'too_complex'
  if (parent.element.children.length === CHILDREN_LIMIT) return 'too_complex'
  const scope = scopeOf(parent.scope, attributes)
  const [local = '', prefix = ''] = written.split(':').reverse()
  const namespace = scope.get(prefix) ?? (prefix === '' ? '' : undefined)
  if (namespace === undefined) return 'malformed'
  const element = grow(namespace, local, attributes)
  parent.element.children.push(element)
  if (slash === '/') parent.element.text += text
  else open.push({ written, scope, element: Object.assign(element, { text }) })
  return undefined
}

function close(open: Open[], piece: string): XmlFault | undefined {
  const [, written, after = ''] = CLOSING.exec(piece) ?? []
  const text = resolved(after)
  const ended = open.pop()
  const parent = open.at(-1)
  if (parent === undefined || text === undefined || ended?.written !== written) return 'malformed'
  parent.element.text += text
  return undefined
}

/** Attributes of a tag; undefined when one is there twice or holds what cannot be read. */
function attributesOf(list: string): ReadonlyMap<string, string> | undefined {
  const found = new Map<string, string>()
  for (const [, name = '', double, single = ''] of list.matchAll(ATTRIBUTE)) {
    const value = resolved((double ?? single).replace(/[\t\n]/g, ' '))
    if (value === undefined || found.has(name)) return undefined
    found.set(name, value)
  }
  return found
}

/** Prefixes in force inside an element (Namespaces in XML 1.0, section 6). */
function scopeOf(outer: Scope, attributes: ReadonlyMap<string, string>): Scope {
  const declared = [...attributes].flatMap(([name, uri]): [string, string][] => {
    if (name === 'xmlns') return [['', uri]]
    return name.startsWith('xmlns:') && uri !== '' ? [[name.slice('xmlns:'.length), uri]] : []
  })
  return declared.length === 0 ? outer : new Map([...outer, ...declared])
}

const NAMED: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  amp: '&',
  quot: '"',
  apos: "'",
}
const REFERENCE = /&(?:#(\d{1,7})|#x([\dA-Fa-f]{1,6})|(lt|gt|amp|quot|apos));/g

/** Text with its references resolved; undefined when one is none of XML's own. */
function resolved(text: string): string | undefined {
  if (!text.includes('&')) return text
  if (text.replace(REFERENCE, '').includes('&')) return undefined
  const plain = text.replace(REFERENCE, (_whole, decimal, hex, name) =>
    name === undefined ? character(decimal ?? `0x${hex}`) : (NAMED[name] ?? ''),
  )
  return plain.includes('\0') ? undefined : plain
}

/** The character of a number; NUL for one that no document may hold. */
function character(number: string): string {
  const code = Number(number)
  const found = code <= 0x10ffff ? String.fromCodePoint(code) : '\0'
  return found !== '\r' && FORBIDDEN_CHARACTER.test(found) ? '\0' : found
}
