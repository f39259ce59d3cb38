/** A name of the DOM that age-encryption's types of passkeys mention; nothing here uses what it stands for. */
interface AuthenticationExtensionsPRFValues {
  readonly first: ArrayBuffer
}
