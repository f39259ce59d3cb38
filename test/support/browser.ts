/**
 * A browser without JavaScript: cookie jar, redirects, links and forms over real HTTPS.
 * Certificates are always checked; like real browsers, the jar is per host and knows no ports.
 */

import type { IncomingHttpHeaders } from 'node:http'
import { request } from 'node:https'

/** A form as found in a page; `action` is absolute. */
export type Form = {
  readonly method: string
  readonly action: string
  readonly fields: Readonly<Record<string, string>>
  /** Buttons by their value: `{ approve: 'decision' }`. */
  readonly buttons: Readonly<Record<string, string>>
}

/** Where the browser stands after following every redirect. */
export type PageShown = {
  readonly url: string
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly html: string
  readonly forms: readonly Form[]
  /** Targets of `<a href>`, absolute. */
  readonly links: readonly string[]
}

type BrowserOptions = {
  /** CAs to trust, PEM. */
  readonly ca: readonly string[]
  /** Address to come from, for example 127.0.0.2. */
  readonly localAddress?: string
}

type RawAnswer = { status: number; headers: IncomingHttpHeaders; body: string }

const REDIRECT_LIMIT = 15

export class Browser {
  readonly #options: BrowserOptions
  /** By host, then by cookie name. */
  readonly cookies = new Map<string, Map<string, string>>()

  constructor(options: BrowserOptions) {
    this.#options = options
  }

  open(url: string): Promise<PageShown> {
    return this.#navigate('GET', url, undefined)
  }

  /** Submits a form; `values` fills fields, `button` presses the button of that value. */
  submit(
    form: Form,
    values: Readonly<Record<string, string>> = {},
    button?: string,
  ): Promise<PageShown> {
    const data = new URLSearchParams({ ...form.fields, ...values })
    const pressed = button === undefined ? undefined : form.buttons[button]
    if (button !== undefined && pressed === undefined) throw new Error(`no button ${button}`)
    if (button !== undefined && pressed !== undefined) data.set(pressed, button)
    return this.#navigate(form.method, form.action, data.toString(), form.action)
  }

  async #navigate(method: string, url: string, body?: string, from?: string): Promise<PageShown> {
    let step = { method, url, body, from }
    for (let count = 0; count < REDIRECT_LIMIT; count++) {
      const answer = await this.#request(step)
      const location = answer.headers.location
      if (answer.status < 300 || answer.status > 399 || location === undefined) {
        return page(step.url, answer)
      }
      step = {
        method: 'GET',
        url: new URL(location, step.url).href,
        body: undefined,
        from: undefined,
      }
    }
    throw new Error('too many redirects')
  }

  #request(step: {
    method: string
    url: string
    body?: string | undefined
    from?: string | undefined
  }) {
    const url = new URL(step.url)
    const headers: Record<string, string> = { accept: 'text/html' }
    const jar = this.cookies.get(url.hostname)
    if (jar !== undefined) headers['cookie'] = [...jar].map((pair) => pair.join('=')).join('; ')
    if (step.body !== undefined) headers['content-type'] = 'application/x-www-form-urlencoded'
    if (step.from !== undefined) headers['origin'] = new URL(step.from).origin
    return new Promise<RawAnswer>((resolve, reject) => {
      const { ca, localAddress } = this.#options
      const sent = request(
        url,
        {
          method: step.method,
          headers,
          ca: [...ca],
          agent: false,
          ...(localAddress === undefined ? {} : { localAddress }),
        },
        (answer) => {
          let text = ''
          answer.setEncoding('utf8')
          answer.on('data', (chunk: string) => {
            text += chunk
          })
          answer.on('error', reject)
          answer.on('end', () => {
            this.#keepCookies(url.hostname, answer.headers['set-cookie'] ?? [])
            resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text })
          })
        },
      )
      sent.on('error', reject)
      sent.end(step.body)
    })
  }

  #keepCookies(host: string, lines: readonly string[]): void {
    const jar = this.cookies.get(host) ?? new Map<string, string>()
    this.cookies.set(host, jar)
    for (const line of lines) {
      const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
      const name = pair.slice(0, pair.indexOf('='))
      const value = pair.slice(pair.indexOf('=') + 1)
      const lower = attributes.map((attribute) => attribute.toLowerCase())
      if (name.startsWith('__Host-') && !isHostCookie(lower)) continue
      if (lower.includes('max-age=0') || isPast(lower)) jar.delete(name)
      else jar.set(name, value)
    }
  }
}

/** RFC 6265bis section 4.1.3.2. */
function isHostCookie(attributes: readonly string[]): boolean {
  const hasDomain = attributes.some((attribute) => attribute.startsWith('domain='))
  return attributes.includes('secure') && attributes.includes('path=/') && !hasDomain
}

function isPast(attributes: readonly string[]): boolean {
  const expires = attributes.find((attribute) => attribute.startsWith('expires='))
  return expires !== undefined && Date.parse(expires.slice('expires='.length)) < Date.now()
}

function page(url: string, answer: RawAnswer): PageShown {
  const html = answer.body
  const forms = [...html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)].map((match) =>
    parseForm(url, match[1] ?? '', match[2] ?? ''),
  )
  const links = [...html.matchAll(/<a\b([^>]*)>/gi)].flatMap((match) => {
    const href = attribute(match[1] ?? '', 'href')
    return href === undefined ? [] : [new URL(href, url).href]
  })
  return { url, status: answer.status, headers: answer.headers, html, forms, links }
}

function parseForm(url: string, open: string, inner: string): Form {
  const fields: Record<string, string> = {}
  for (const [, attributes = ''] of inner.matchAll(/<input\b([^>]*)>/gi)) {
    const name = attribute(attributes, 'name')
    if (name !== undefined) fields[name] = attribute(attributes, 'value') ?? ''
  }
  const buttons: Record<string, string> = {}
  for (const [, attributes = ''] of inner.matchAll(/<button\b([^>]*)>/gi)) {
    const name = attribute(attributes, 'name')
    if (name !== undefined) buttons[attribute(attributes, 'value') ?? ''] = name
  }
  const action = new URL(attribute(open, 'action') ?? url, url).href
  return { method: (attribute(open, 'method') ?? 'get').toUpperCase(), action, fields, buttons }
}

function attribute(text: string, name: string): string | undefined {
  const match = new RegExp(`\\b${name}="([^"]*)"`, 'i').exec(text)
  return match?.[1]
    ?.replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
}
