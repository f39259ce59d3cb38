/**
 * The half of `zt run` that lives in the namespaces of the program: all its traffic comes out of a TUN device here, and
 * goes to the daemon outside. What is ours, and what names mean, only the daemon knows.
 */
import net from 'node:net'
import { formatAddress } from '#lib/net/address'
import { err, ok, type Result } from '#lib/result'
import { startInterception } from '../intercept/interception-server.ts'
import { openTun, type TunDevice } from '../intercept/tun-os.ts'
import { runSystem } from '../posture/run-os.ts'
import { createDaemonFlows } from './daemon-flows-client.ts'
import { mountNames } from './mounts-os.ts'
import {
  DEVICE,
  type Family,
  NETWORK_LINES,
  ownAddresses,
  RESOLVER,
  resolverAddress,
} from './network.ts'
import { allowPing } from './ping-os.ts'
import { runProgram } from './program-os.ts'
import { type InsideRefusal, tunRefusal } from './refusal.ts'

export type InsideOptions = {
  readonly controlPath: string
  readonly onlyPrivate: boolean
  readonly argv: readonly string[]
  readonly uid: number
}

/** Descriptor that ends when `zt run` does. */
const PARENT = 3
const SET_UP_LIMIT_MS = 10_000

/** Runs a program to its end. @returns its exit code. */
export async function runInside(options: InsideOptions): Promise<Result<number, InsideRefusal>> {
  const device = openTun(DEVICE)
  if (!device.ok) return err(tunRefusal(device.error))
  try {
    const families = await setUp()
    if (!families.ok) return families
    return await runOn(device.value, families.value, options)
  } finally {
    device.value.close()
  }
}

async function runOn(
  device: TunDevice,
  families: readonly Family[],
  { controlPath, onlyPrivate, argv, uid }: InsideOptions,
): Promise<Result<number, InsideRefusal>> {
  const engine = await startInterception(
    device,
    {
      ...createDaemonFlows(controlPath, onlyPrivate),
      targetOf: (address, port) => ({ host: formatAddress(address), port }),
      resolverAddresses: [resolverAddress()],
      log: SILENT,
    },
    { mode: 'tun-nat', addresses: ownAddresses(families) },
  )
  try {
    return await runProgram(argv, { isRoot: uid === 0, ended: parentEnd() })
  } finally {
    await engine.close()
  }
}

/** @returns what the program has: IPv4, and IPv6 unless this machine has it switched off. */
async function setUp(): Promise<Result<readonly Family[], InsideRefusal>> {
  const v4 = await configure(4)
  if (!v4.ok) return v4
  const v6 = await configure(6)
  allowPing(process.getegid?.() ?? 0)
  const names = mountNames(RESOLVER)
  return names.ok ? ok(v6.ok ? [4, 6] : [4]) : names
}

async function configure(family: Family): Promise<Result<void, InsideRefusal>> {
  const input = `${NETWORK_LINES[family].join('\n')}\n`
  const limit = AbortSignal.timeout(SET_UP_LIMIT_MS)
  const said = await runSystem('ip', [`-${family}`, '-batch', '-'], limit, { input })
  if (said === undefined) return err({ reason: 'ip_absent' })
  if (said.code === 0) return ok(undefined)
  return err({ reason: 'namespace_refused', detail: said.stderr.trim() })
}

/** Aborted when `zt run` is gone, however it went. */
function parentEnd(): AbortSignal {
  const gone = new AbortController()
  const pipe = new net.Socket({ fd: PARENT, readable: true, writable: false })
  pipe.on('error', () => gone.abort()).on('close', () => gone.abort())
  pipe.resume().unref()
  return gone.signal
}

/** The terminal is the program's. */
const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined }
