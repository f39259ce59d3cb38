/**
 * The part of Structured Field Values (RFC 9651) that our headers use: a List of Items with parameters.
 * Tokens and strings are kept; numbers, booleans, dates and byte sequences are read as their text.
 */
import { err, ok, type Result } from '#lib/result'

/** One item of a list; `value` and the parameters without quotes or escapes. */
export type FieldItem = {
  readonly value: string
  readonly parameters: ReadonlyMap<string, string>
}

/** The only refusal: RFC 9651 section 4.2 fails a field as a whole. */
export type FieldError = { readonly reason: 'bad_field' }

/** Longest field that is read, octets: more than any of ours, less than an attack. */
const FIELD_LIMIT = 8192

// Sections 3.1.2 and 3.3: key, token, string, byte sequence, date or number, boolean, display string.
const KEY = /[a-z*][a-z0-9_\-.*]*/y
const TOKEN = /[A-Za-z*][A-Za-z0-9:/!#$%&'*+\-.^_`|~]*/y
const STRING = /"((?:[ !#-[\]-~]|\\["\\])*)"/y
const BYTES = /:[A-Za-z0-9+/=]*:/y
const NUMBER = /@?-?\d{1,15}(?:\.\d{1,3})?/y
const BOOLEAN = /\?[01]/y
const DISPLAY = /%"(?:[ !#-$&-~]|%[0-9a-f]{2})*"/y
const SPACES = / */y
const OPTIONAL_WHITESPACE = /[ \t]*/y

/** Parses a list (section 4.2.1) whose members are items. Never throws. */
export function parseFieldList(text: string): Result<readonly FieldItem[], FieldError> {
  if (text.length > FIELD_LIMIT) return err({ reason: 'bad_field' })
  const cursor: Cursor = { text, at: 0 }
  const items: FieldItem[] = []
  take(cursor, SPACES)
  while (cursor.at < text.length) {
    const item = takeItem(cursor)
    if (item === undefined) return err({ reason: 'bad_field' })
    items.push(item)
    if (!takeSeparator(cursor)) return err({ reason: 'bad_field' })
  }
  return ok(items)
}

/** Prints a token value (section 4.1.7), or undefined when `text` is none. */
export function printToken(text: string): string | undefined {
  return matchesWhole(TOKEN, text) ? text : undefined
}

/** Prints a string (section 4.1.6); what is not printable ASCII becomes `?`. */
export function printString(text: string): string {
  const printable = text.replace(/[^ -~]/g, '?')
  return `"${printable.replace(/["\\]/g, (char) => `\\${char}`)}"`
}

type Cursor = { readonly text: string; at: number }

function take(cursor: Cursor, pattern: RegExp): string | undefined {
  pattern.lastIndex = cursor.at
  const found = pattern.exec(cursor.text)
  if (found === null) return undefined
  cursor.at += found[0].length
  return found[0]
}

/** A comma with an item after it, or the end (section 4.2.1, steps 2.3 to 2.7). */
function takeSeparator(cursor: Cursor): boolean {
  const before = cursor.at
  take(cursor, OPTIONAL_WHITESPACE)
  if (cursor.at === cursor.text.length) return !cursor.text.slice(before).includes('\t')
  if (cursor.text[cursor.at] !== ',') return false
  cursor.at += 1
  take(cursor, OPTIONAL_WHITESPACE)
  return cursor.at < cursor.text.length
}

function takeItem(cursor: Cursor): FieldItem | undefined {
  const value = takeBareItem(cursor)
  if (value === undefined) return undefined
  const parameters = new Map<string, string>()
  while (cursor.text[cursor.at] === ';') {
    cursor.at += 1
    take(cursor, SPACES)
    const key = take(cursor, KEY)
    if (key === undefined) return undefined
    const parameter = takeParameterValue(cursor)
    if (parameter === undefined) return undefined
    parameters.set(key, parameter)
  }
  return { value, parameters }
}

/** A parameter without a value is the boolean true (section 4.2.3.2). */
function takeParameterValue(cursor: Cursor): string | undefined {
  if (cursor.text[cursor.at] !== '=') return '?1'
  cursor.at += 1
  return takeBareItem(cursor)
}

function takeBareItem(cursor: Cursor): string | undefined {
  const quoted = take(cursor, STRING)
  if (quoted !== undefined) return quoted.slice(1, -1).replace(/\\(.)/g, '$1')
  for (const pattern of [TOKEN, NUMBER, BYTES, BOOLEAN, DISPLAY]) {
    const text = take(cursor, pattern)
    if (text !== undefined) return text
  }
  return undefined
}

function matchesWhole(pattern: RegExp, text: string): boolean {
  pattern.lastIndex = 0
  return pattern.exec(text)?.[0] === text
}
