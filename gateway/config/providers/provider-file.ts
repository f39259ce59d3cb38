/**
 * Files that the settings of an identity provider name.
 */

/** Makes a path of the configuration absolute. */
export type Resolve = (path: string) => string

/** One file, and the key that names it. */
export type ProviderFile = {
  readonly key: string
  readonly file: string
  /** Others than owner and group may not read it. */
  readonly secret: boolean
}
