/**
 * Takes secrets out of what a person may send on. The first defence is that nothing secret is put in; this is the second,
 * and rather blanks too much. Pure.
 */

const BLANK = '[redacted]'

/** Names of fields and of `name=value` whose value nobody else may see. */
const SECRET_NAME =
  'pass(?:word|phrase|wd)?|secret|token|cookie|authorization|credential|api[-_]?key|private[-_]?key|device_code|user_code|session|ticket|signature|otp'
const IS_SECRET_NAME = new RegExp(
  `(?:^|[-_.])(?:key|${SECRET_NAME})(?:$|[-_.])|(?:Key|Token|Secret|Password|Cookie)$`,
  'i',
)

/** Each with what stands in its place. Order matters: what contains others comes first. */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  // PEM (RFC 7468), whole or cut off.
  [/-----BEGIN [A-Z0-9 ]+-----[\s\S]*?(?:-----END [A-Z0-9 ]+-----|$)/g, BLANK],
  // The value of a header reaches to the end of its line.
  [/\b((?:proxy-)?authorization|set-cookie|cookie)(["']?\s*[:=]\s*).*/gi, `$1$2${BLANK}`],
  [/\b(bearer|basic)\s+[\w+/=.~-]+/gi, `$1 ${BLANK}`],
  // User and password of a URL (RFC 3986 section 3.2.1).
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#@"']*@/gi, `$1${BLANK}@`],
  // Path and query of a URL: they name what somebody looked at, and prompts are opened by them.
  [/\b([a-z][a-z0-9+.-]*:\/\/[^\s/?#"']+)[/?#][^\s"'/?#][^\s"']*/gi, `$1/${BLANK}`],
  [
    new RegExp(`\\b([\\w.-]*(?:${SECRET_NAME}))(["']?\\s*[:=]\\s*["']?)[^\\s"',;&}]+`, 'gi'),
    `$1$2${BLANK}`,
  ],
  // Mail addresses name a person (RFC 5322, what is common of it).
  [/[\w.+-]+@([\w-]+(?:\.[\w-]+)+)/g, `${BLANK}@$1`],
]

/** A run that no word is: long, of the alphabets of base64 and hexadecimal, and mixed. */
const OPAQUE = /[A-Za-z0-9+=_-]{20,}/g
const HEX = /^[0-9a-f]{20,}$/i

/** A text without secrets; what it says otherwise stays readable. Never throws. */
export function redactText(text: string): string {
  const plain = PATTERNS.reduce((rest, [pattern, by]) => rest.replace(pattern, by), text)
  return plain.replace(OPAQUE, (run) => (isOpaque(run) ? BLANK : run))
}

function isOpaque(run: string): boolean {
  if (HEX.test(run)) return true
  const kinds = [/[a-z]/, /[A-Z]/, /[0-9]/].filter((kind) => kind.test(run)).length
  return kinds === 3 || (kinds === 2 && /[0-9]/.test(run) && !/[-_]/.test(run))
}

/** A JSON value without secrets: fields by their names, texts by what is in them. Never throws. */
export function redactValue(value: unknown): unknown {
  if (typeof value === 'string') return redactText(value)
  if (Array.isArray(value)) return value.map(redactValue)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [
      redactText(name),
      IS_SECRET_NAME.test(name) ? BLANK : redactValue(field),
    ]),
  )
}

/** One line of a log: JSON where it is, text elsewhere. */
export function redactLine(line: string): string {
  try {
    return JSON.stringify(redactValue(JSON.parse(line)))
  } catch {
    return redactText(line)
  }
}
