/**
 * The organisation's logo: known by its content, never by its name.
 */

/** A picture that browsers show. */
export type Logo = { readonly type: 'image/png' | 'image/svg+xml'; readonly content: Buffer }

/** Sent with every first page, so it stays small, in bytes. */
export const LOGO_LIMIT_BYTES = 64 * 1024

/** PNG, 5.2. */
const PNG_SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex')
/** The root element, after what XML allows before it (without a DOCTYPE: there are no entities then). */
const SVG_START = /^\uFEFF?\s*(?:<\?xml[^<>]*\?>\s*)?(?:<!--(?:(?!-->)[\s\S])*-->\s*)*<svg[\s>]/

/** @returns the logo, or undefined for anything that is not PNG or SVG of bounded size. Never throws. */
export function readLogo(content: Buffer): Logo | undefined {
  if (content.length > LOGO_LIMIT_BYTES) return undefined
  if (content.subarray(0, PNG_SIGNATURE.length).equals(PNG_SIGNATURE)) {
    return { type: 'image/png', content }
  }
  return SVG_START.test(content.toString('utf8')) ? { type: 'image/svg+xml', content } : undefined
}
