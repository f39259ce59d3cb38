/**
 * What else a user may have typed for a host: its name under a search domain without that domain.
 */

/**
 * @param host canonical name.
 * @param domains zones that daemons send through the tunnel, canonical.
 */
export function shortNames(host: string, domains: readonly string[]): string[] {
  return domains
    .map((domain) => `.${domain}`)
    .filter((suffix) => host.endsWith(suffix) && host.length > suffix.length)
    .map((suffix) => host.slice(0, -suffix.length))
}
