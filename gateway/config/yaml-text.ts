/**
 * YAML 1.2 as a value, with the line of every part of it. Bounded in size, in aliases and in depth.
 */
import {
  Alias,
  type Document,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from 'yaml'
import type { Path } from '#lib/config/mistake'
import { err, ok, type Result } from '#lib/result'

/** A text that was read. */
export type YamlText = {
  readonly value: unknown
  /** Line, from 1, of the part at `path`, or of the nearest part above it that is there. */
  readonly lineOf: (path: Path) => number
  /** Keys that stand twice in one mapping; the value holds the last. */
  readonly duplicates: readonly { readonly path: Path; readonly line: number }[]
  /** The lines of one top-level key, as written; undefined when they use an alias and do not stand alone. */
  readonly sliceOf: (key: string) => string | undefined
}

/** The text is not YAML; the line is from 1. */
export type YamlMistake = { readonly line: number; readonly message: string }

/** 10,000 applications take about 4 MiB. */
const TEXT_LIMIT = 16 * 1024 * 1024
/** Each use of an alias may multiply what it names. */
const ALIAS_LIMIT = 100
/** Where the text is no YAML, one fault looks like many: the first ones tell enough. */
const BROKEN_LIMIT = 10

/** Reads one document. Never throws. */
export function readYaml(text: string): Result<YamlText, readonly YamlMistake[]> {
  if (text.length > TEXT_LIMIT) return err([{ line: 1, message: 'the file is larger than 16 MiB' }])
  const lines = new LineCounter()
  try {
    return read(text, lines)
  } catch (failure) {
    // The library recurses: nesting deep enough ends the stack. Too many aliases throw as well.
    const why = failure instanceof ReferenceError ? 'too many aliases' : 'too deeply nested'
    return err([{ line: 1, message: `this is not readable: ${why}` }])
  }
}

function read(text: string, lines: LineCounter): Result<YamlText, readonly YamlMistake[]> {
  const document = parseDocument(text, {
    version: '1.2',
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
    uniqueKeys: true,
    merge: false,
    logLevel: 'error',
  })
  const lineAt = (offset: number) => lines.linePos(offset).line
  const isDuplicate = (error: { readonly code: string }) => error.code === 'DUPLICATE_KEY'
  const broken = [...document.errors, ...document.warnings].filter((one) => !isDuplicate(one))
  if (broken.length > 0) {
    return err(
      broken.slice(0, BROKEN_LIMIT).map(({ pos, message }) => ({ line: lineAt(pos[0]), message })),
    )
  }
  return ok({
    value: document.toJS({ maxAliasCount: ALIAS_LIMIT }) as unknown,
    lineOf: (path) => lineAt(offsetOf(document, path)),
    duplicates: document.errors.filter(isDuplicate).map(({ pos }) => ({
      path: pathAt(document.contents, pos[0]),
      line: lineAt(pos[0]),
    })),
    sliceOf: (key) => sliceOf(document, text, key),
  })
}

/** Start of the key or item at the end of `path`. */
function offsetOf(document: Document, path: Path): number {
  let node: Node | null | undefined = document.contents as Node | null
  let offset = node?.range?.[0] ?? 0
  for (const step of path) {
    if (node instanceof Alias) node = node.resolve(document)
    const found = childOf(node, step)
    if (found === undefined) return offset
    offset = found.offset
    node = found.node
  }
  return offset
}

type Child = { readonly node: Node | null; readonly offset: number }

function childOf(node: Node | null | undefined, step: string | number): Child | undefined {
  if (isSeq(node)) {
    const item = node.items[Number(step)] as Node | undefined
    return item && { node: item, offset: item.range?.[0] ?? 0 }
  }
  if (!isMap(node)) return undefined
  const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === step)
  if (pair === undefined) return undefined
  return { node: pair.value as Node | null, offset: (pair.key as Node).range?.[0] ?? 0 }
}

/** Path of the key that stands at `offset`. */
function pathAt(node: unknown, offset: number): Path {
  if (isSeq(node)) {
    const index = node.items.findIndex((item) => spans(item, offset))
    return index < 0 ? [] : [index, ...pathAt(node.items[index], offset)]
  }
  if (!isMap(node)) return []
  const pair = node.items.find(({ key, value }) => spans(key, offset) || spans(value, offset))
  if (pair === undefined || !isScalar(pair.key)) return []
  return [String(pair.key.value), ...pathAt(pair.value, offset)]
}

function spans(node: unknown, offset: number): boolean {
  const [start, , end] = (node as Node | null)?.range ?? [0, 0, 0]
  return start <= offset && offset < end
}

function sliceOf({ contents }: Document, text: string, key: string): string | undefined {
  const pair = isMap(contents)
    ? contents.items.find((one) => isScalar(one.key) && one.key.value === key)
    : undefined
  const start = (pair?.key as Node | undefined)?.range?.[0]
  const value = pair?.value as Node | null | undefined
  const end = value?.range?.[2]
  if (start === undefined || end === undefined || !isBlock(contents) || hasAlias(value))
    return undefined
  return text.slice(start, end)
}

/** In a flow mapping (`{ gateway: …, policy: … }`) the lines of a key do not stand alone. */
function isBlock(contents: unknown): boolean {
  return isMap(contents) && contents.flow !== true
}

function hasAlias(node: Node | null | undefined): boolean {
  let found = false
  visit(node ?? null, {
    Alias: () => {
      found = true
      return visit.BREAK
    },
  })
  return found
}
