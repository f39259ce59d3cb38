/**
 * The frame around every page of the login origin: no script, no outside resource, nothing framed.
 */
import { createHash } from 'node:crypto'
import { type Html, html } from './html.ts'
import type { Logo } from './logo.ts'

/** What stands inside the frame. */
export type Page = { readonly title: string; readonly body: Html }

/** How the pages of this organisation look. */
export type Branding = {
  /** Above every page. */
  readonly title: string
  /** Of buttons, `#rrggbb`; dark enough for white text. */
  readonly colour?: string
  /** Below every page. */
  readonly message?: string
  readonly logo?: Logo
}

/** Branding, made ready. */
export type Look = {
  /** A whole page as text. */
  readonly frame: (page: Page) => string
  /** Its content security policy, stricter than the listener's: not even inline style but ours. */
  readonly policy: string
}

/** Where the logo is, on the login origin. */
export const LOGO_PATH = '/logo'
const USUAL_COLOUR = '#1c4fd7'

/** Makes the frame. */
export function lookOf({
  title: organisation,
  colour = USUAL_COLOUR,
  message,
  logo,
}: Branding): Look {
  const style = styleIn(colour)
  const hash = createHash('sha256').update(style.text).digest('base64')
  const images = logo === undefined ? '' : " img-src 'self';"
  const picture = logo === undefined ? html`` : html`<img src="${LOGO_PATH}" alt="" height="40"> `
  const foot = message === undefined ? html`` : html`\n<footer><p>${message}</p></footer>`
  return {
    policy: `default-src 'none';${images} style-src 'sha256-${hash}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
    frame: ({ title, body }) =>
      html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${title} · ${organisation}</title><style>${style}</style></head>
<body><header><p>${picture}${organisation}</p></header><main><h1>${title}</h1>
${body}
</main>${foot}</body></html>
`.text,
  }
}

function styleIn(colour: string): Html {
  return html`body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem;color:#1c2330;background:#fff;overflow-wrap:anywhere}
h1{font-size:1.4rem}dt,footer{color:#5a6475;font-size:.85rem}dd{margin:0 0 .8rem;font-weight:600}img{vertical-align:middle;max-width:12rem}
input{font:inherit;padding:.5rem;width:100%;max-width:22rem;box-sizing:border-box}
input.code{width:14rem;letter-spacing:.1em;text-transform:uppercase}
button,.button{font:inherit;padding:.5rem 1.2rem;border:1px solid ${colour};border-radius:.3rem;background:${colour};color:#fff;text-decoration:none;display:inline-block}
button.quiet{background:#fff;color:#1c2330;border-color:#aab2c0}.warning{border-left:.3rem solid #c43d00;padding:.2rem .8rem;background:#fff4ec}`
}
