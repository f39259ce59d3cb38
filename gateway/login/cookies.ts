/**
 * Cookies of the login origin, as headers carry them (RFC 6265).
 */

/**
 * When browsers send a cookie: Lax, since providers send the browser back by a link; None only while it is at a
 * provider that makes it post a form to us.
 */
export type SentWith = 'Lax' | 'None'

/** A `Set-Cookie` value; an age of 0 removes the cookie. */
export function setCookie(
  name: string,
  value: string,
  { maxAgeSeconds, sentWith }: { readonly maxAgeSeconds: number; readonly sentWith: SentWith },
): string {
  return `${name}=${value}; Path=/; Secure; HttpOnly; SameSite=${sentWith}; Max-Age=${maxAgeSeconds}`
}

/** The value of one cookie. Two of one name cannot both be ours: then there is none. */
export function cookieValue(header: string, name: string): string | undefined {
  const prefix = `${name}=`
  const found = header.split(';').filter((pair) => pair.trim().startsWith(prefix))
  return found.length === 1 ? found[0]?.trim().slice(prefix.length) : undefined
}
