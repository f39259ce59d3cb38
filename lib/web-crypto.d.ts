/**
 * Names of WebCrypto types that the declarations of @peculiar/x509 and @hpke/core expect to be global.
 * They are Node's own; the DOM library of TypeScript would also promise `window`.
 */
import type { JsonWebKey as NodeJsonWebKey, webcrypto } from 'node:crypto'

declare global {
  type Algorithm = webcrypto.Algorithm
  type AlgorithmIdentifier = webcrypto.AlgorithmIdentifier
  type BufferSource = webcrypto.BufferSource
  type Crypto = webcrypto.Crypto
  type CryptoKey = webcrypto.CryptoKey
  type CryptoKeyPair = webcrypto.CryptoKeyPair
  type EcKeyGenParams = webcrypto.EcKeyGenParams
  type EcKeyImportParams = webcrypto.EcKeyImportParams
  type EcdsaParams = webcrypto.EcdsaParams
  type HmacKeyGenParams = webcrypto.HmacKeyGenParams
  type JsonWebKey = NodeJsonWebKey
  type KeyAlgorithm = webcrypto.KeyAlgorithm
  type KeyUsage = webcrypto.KeyUsage
  type RsaHashedImportParams = webcrypto.RsaHashedImportParams
  type SubtleCrypto = webcrypto.SubtleCrypto
}
