/**
 * Names of public key algorithms, and what each means: one table, so that an unknown name has no meaning anywhere.
 * RSA is the odd one: its keys are called `ssh-rsa` whatever hash signs (RFC 8332 section 3). SHA-1 and DSA are absent.
 */

/** Type string at the start of a plain public key blob. */
export type KeyType =
  | 'ssh-ed25519'
  | 'ecdsa-sha2-nistp256'
  | 'ecdsa-sha2-nistp384'
  | 'ecdsa-sha2-nistp521'
  | 'ssh-rsa'
  | 'sk-ssh-ed25519@openssh.com'
  | 'sk-ecdsa-sha2-nistp256@openssh.com'

/** What a negotiated or offered algorithm name stands for. */
export type KeyAlgorithm = {
  readonly name: string
  readonly keyType: KeyType
  /** Type string that the blob must begin with: the key type, or its certificate type. */
  readonly blobType: string
  /** Name inside the signature blob. */
  readonly signature: string
  readonly isCertificate: boolean
}

/** Signature names of the keys we verify, in the order they are announced (RFC 8308 section 3.1). */
export const SIGNATURE_ALGORITHMS = [
  'ssh-ed25519',
  'sk-ssh-ed25519@openssh.com',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'sk-ecdsa-sha2-nistp256@openssh.com',
  'rsa-sha2-512',
  'rsa-sha2-256',
] as const

/** `ssh-ed25519` to `ssh-ed25519-cert-v01@openssh.com`; a vendor suffix moves to the end. */
export function certificateName(name: string): string {
  return `${name.replace(/@openssh\.com$/, '')}-cert-v01@openssh.com`
}

/** Type string of the plain key, by type string of its certificate. */
export const KEY_TYPE_BY_CERTIFICATE_TYPE: ReadonlyMap<string, KeyType> = new Map(
  SIGNATURE_ALGORITHMS.map((name) => {
    const keyType = keyTypeOf(name)
    return [certificateName(keyType), keyType]
  }),
)

const ALGORITHMS: ReadonlyMap<string, KeyAlgorithm> = new Map(
  SIGNATURE_ALGORITHMS.flatMap((signature) => {
    const keyType = keyTypeOf(signature)
    const plain = { name: signature, keyType, blobType: keyType, signature, isCertificate: false }
    const certified = {
      ...plain,
      name: certificateName(signature),
      blobType: certificateName(keyType),
      isCertificate: true,
    }
    return [
      [plain.name, plain],
      [certified.name, certified],
    ] as const
  }),
)

/** The meaning of an algorithm name, or undefined: then the algorithm is refused. */
export function keyAlgorithm(name: string): KeyAlgorithm | undefined {
  return ALGORITHMS.get(name)
}

function keyTypeOf(signature: (typeof SIGNATURE_ALGORITHMS)[number]): KeyType {
  return signature === 'rsa-sha2-256' || signature === 'rsa-sha2-512' ? 'ssh-rsa' : signature
}
