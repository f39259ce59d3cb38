/**
 * Versions as systems print them: numbers with dots, then anything. Only the numbers are compared.
 */

/** The leading numbers of a version; undefined when it begins with none. */
export type Version = readonly number[]

/** `6.1.0-18-amd64` is 6, 1, 0. Never throws. */
export function parseVersion(text: string): Version | undefined {
  const [numbers] = /^\d{1,9}(?:\.\d{1,9}){0,7}(?![\d])/.exec(text) ?? []
  return numbers?.split('.').map(Number)
}

/** Whether `version` is `minimum` or later; numbers that one of them lacks are 0. */
export function isAtLeast(version: Version, minimum: Version): boolean {
  for (let at = 0; at < Math.max(version.length, minimum.length); at++) {
    const difference = (version[at] ?? 0) - (minimum[at] ?? 0)
    if (difference !== 0) return difference > 0
  }
  return true
}
