/** Reads syslog as its receivers do (RFC 5424 section 6, RFC 6587 section 3.4.1), written from the grammar alone. */

/** Cuts a stream of octet-counted frames. */
export function framesOf(octets: Buffer): { readonly messages: string[]; readonly rest: number } {
  const messages: string[] = []
  let at = 0
  while (at < octets.length) {
    const space = octets.indexOf(0x20, at)
    const count = octets.subarray(at, space).toString('latin1')
    if (space < 0) break
    if (!/^[1-9][0-9]*$/.test(count)) throw new Error(`bad frame: ${count}`)
    const end = space + 1 + Number(count)
    if (end > octets.length) break
    messages.push(octets.subarray(space + 1, end).toString())
    at = end
  }
  return { messages, rest: octets.length - at }
}

export type SyslogMessage = {
  readonly priority: number
  readonly header: readonly string[]
  readonly id: string
  readonly fields: ReadonlyMap<string, string>
  readonly text: string
}

const HEADER = /^<([0-9]{1,3})>1 (\S+) (\S{1,255}) (\S{1,48}) (\S{1,128}) (\S{1,32}) \[([!-~]+) /

/** One parameter with its value, as section 6.3.3 has them. */
const FIELD = / ([!#-<>-\\^-~]{1,32})="((?:[^"\\\]]|\\["\\\]]|\\(?!["\\\]]))*)"/suy

export function parseSyslog(message: string): SyslogMessage {
  const [head = '', priority = '', ...header] = HEADER.exec(message) ?? []
  const id = header.pop() ?? ''
  if (head === '') throw new Error(`no header: ${message}`)
  const fields = new Map<string, string>()
  // The first parameter has its space, too.
  let at = head.length - 1
  while (message[at] !== ']') {
    FIELD.lastIndex = at
    const [whole, name, value] = FIELD.exec(message) ?? []
    if (whole === undefined || name === undefined || fields.has(name)) {
      throw new Error(`no parameter at ${at}: ${message}`)
    }
    fields.set(name, (value ?? '').replace(/\\(["\\\]])/g, '$1'))
    at += whole.length
  }
  return { priority: Number(priority), header, id, fields, text: message.slice(at + 1) }
}
