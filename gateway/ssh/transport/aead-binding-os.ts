/** Finds the native AEAD code that ssh2 builds at its installation. Without a compiler there is none. */
import { createRequire } from 'node:module'
import type { AeadBinding } from './transport-types.ts'

const PATH = 'ssh2/lib/protocol/crypto/build/Release/sshcrypto.node'
const CLASSES = ['AESGCMCipher', 'AESGCMDecipher', 'ChaChaPolyCipher', 'ChaChaPolyDecipher']

/** @returns the binding, or undefined when it was not built or lacks a class: AES-GCM then goes through node:crypto. */
export function loadAeadBinding(): AeadBinding | undefined {
  try {
    const binding: unknown = createRequire(import.meta.url)(PATH)
    return isBinding(binding) ? binding : undefined
  } catch {
    return undefined
  }
}

function isBinding(value: unknown): value is AeadBinding {
  if (typeof value !== 'object' || value === null) return false
  return CLASSES.every((name) => typeof Reflect.get(value, name) === 'function')
}
