/** FIPS mode of TLS: for every connection of this process, in and out. */
import tls from 'node:tls'
import { FIPS_TLS } from './fips.ts'

/** To be called before anything listens or dials. */
export function useFipsTls(): void {
  tls.DEFAULT_CIPHERS = FIPS_TLS.ciphers
  tls.DEFAULT_ECDH_CURVE = FIPS_TLS.curves
}
