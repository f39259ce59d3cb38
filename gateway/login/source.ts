/**
 * Where a caller comes from, and what a page may show of a device beside it.
 */
import type { FastifyRequest } from 'fastify'
import { formatAddress, parseAddress } from '#lib/net/address'
import type { Enrolment } from '../store/store.ts'
import type { DeviceShown } from './device-pages.ts'
import type { LoginDeps } from './login-deps.ts'

/** The address a caller comes from, canonical: from the socket, never from a header (T82). */
export function sourceOf(request: FastifyRequest): string {
  const remote = request.socket.remoteAddress ?? ''
  const address = parseAddress(remote)
  return address.ok ? formatAddress(address.value) : remote
}

/** The device of an enrolment, as this browser is to see it. */
export async function deviceShown(
  { enrolments }: LoginDeps,
  request: FastifyRequest,
  enrolment: Enrolment,
): Promise<DeviceShown> {
  return {
    name: enrolment.deviceName,
    sourceAddress: enrolment.sourceAddress,
    keyWords: await enrolments.wordsOf(enrolment),
    browserAddress: sourceOf(request),
  }
}

/** The query of a request, as sent. */
export function queryOf(request: FastifyRequest): URLSearchParams {
  const start = request.url.indexOf('?')
  return new URLSearchParams(start < 0 ? '' : request.url.slice(start + 1))
}
