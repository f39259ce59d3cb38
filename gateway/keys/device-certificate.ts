/**
 * Device certificates: 24 hours, client authentication, one name `urn:zt:device:<uuid>`. Everything in one
 * is ours but the key.
 */
import 'reflect-metadata'
import { X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { signLeaf } from './certificate.ts'
import type { DeviceKey } from './device-request.ts'
import type { Authority } from './gateway-keys.ts'

/** Life of a device certificate, ms; renewed at half of it. */
export const DEVICE_CERTIFICATE_LIFETIME_MS = 24 * 3_600_000

/** A certificate ready to be handed out. */
export type DeviceCertificate = {
  readonly certificatePem: string
  readonly notAfterMs: number
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/**
 * Issues the certificate of a registered device. That the registration stands is the caller's to check.
 * @param deviceId a UUID in lower case.
 * @param nowMs Unix milliseconds.
 * @throws {Error} when the result is not what it must be, for example since the authority has expired.
 */
export async function issueDeviceCertificate(
  deviceCa: Authority,
  { publicKey }: DeviceKey,
  deviceId: string,
  nowMs: number,
): Promise<DeviceCertificate> {
  if (!UUID.test(deviceId)) throw new Error('a device id is a UUID in lower case')
  const certificatePem = await signLeaf(deviceCa, publicKey, {
    commonName: deviceId,
    nowMs,
    lifetimeMs: DEVICE_CERTIFICATE_LIFETIME_MS,
    extensions: [
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth], true),
      new x509.SubjectAlternativeNameExtension([{ type: 'url', value: deviceName(deviceId) }]),
    ],
  })
  const certificate = new X509Certificate(certificatePem)
  const fault = faultOf(certificate, new X509Certificate(deviceCa.certificatePem), {
    publicKey,
    deviceId,
    nowMs,
  })
  if (fault !== undefined) throw new Error(`the device certificate made is wrong: ${fault}`)
  return { certificatePem, notAfterMs: Date.parse(certificate.validTo) }
}

function deviceName(deviceId: string): string {
  return `urn:zt:device:${deviceId}`
}

type Wanted = Pick<DeviceKey, 'publicKey'> & { readonly deviceId: string; readonly nowMs: number }

/** Reads the finished certificate with another parser than the one that made it. */
function faultOf(
  leaf: X509Certificate,
  ca: X509Certificate,
  { publicKey, deviceId, nowMs }: Wanted,
): string | undefined {
  const latestMs = nowMs + DEVICE_CERTIFICATE_LIFETIME_MS
  const checks: Readonly<Record<string, boolean>> = {
    issuer: leaf.checkIssued(ca) && leaf.verify(ca.publicKey),
    'authority expired': latestMs <= Date.parse(ca.validTo),
    key: leaf.publicKey.equals(publicKey),
    name: leaf.subjectAltName === `URI:${deviceName(deviceId)}`,
    usage: !leaf.ca && leaf.keyUsage?.join() === x509.ExtendedKeyUsage.clientAuth,
    validity: Date.parse(leaf.validFrom) <= nowMs && Date.parse(leaf.validTo) <= latestMs,
  }
  return Object.keys(checks).find((name) => checks[name] !== true)
}
