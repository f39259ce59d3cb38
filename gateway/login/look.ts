/**
 * The frame around every page of the login origin: no script, no outside resource, nothing framed.
 */
import { createHash } from 'node:crypto'
import { type Html, html } from './html.ts'

/** What stands inside the frame. */
export type Page = { readonly title: string; readonly body: Html }

/** How the pages of this organisation look. */
export type Branding = {
  /** Above every page. */
  readonly title: string
}

/** Branding, made ready. */
export type Look = {
  /** A whole page as text. */
  readonly frame: (page: Page) => string
  /** Its content security policy, stricter than the listener's: not even inline style but ours. */
  readonly policy: string
}

const STYLE = html`body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem;color:#1c2330;background:#fff}
h1{font-size:1.4rem}dt{color:#5a6475;font-size:.85rem}dd{margin:0 0 .8rem;font-weight:600;overflow-wrap:anywhere}
input{font:inherit;padding:.5rem;width:100%;max-width:22rem;box-sizing:border-box}
input.code{width:14rem;letter-spacing:.1em;text-transform:uppercase}
button,.button{font:inherit;padding:.5rem 1.2rem;border:1px solid #1c4fd7;border-radius:.3rem;background:#1c4fd7;color:#fff;text-decoration:none;display:inline-block}
button.quiet{background:#fff;color:#1c2330;border-color:#aab2c0}.warning{border-left:.3rem solid #c43d00;padding:.2rem .8rem;background:#fff4ec}`

/** Makes the frame. */
export function lookOf({ title: organisation }: Branding): Look {
  const hash = createHash('sha256').update(STYLE.text).digest('base64')
  return {
    policy: `default-src 'none'; style-src 'sha256-${hash}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
    frame: ({ title, body }) =>
      html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${title} · ${organisation}</title><style>${STYLE}</style></head>
<body><p>${organisation}</p><main><h1>${title}</h1>
${body}
</main></body></html>
`.text,
  }
}
