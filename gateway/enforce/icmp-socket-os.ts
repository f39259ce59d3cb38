/**
 * Sockets of ping that need no privilege (net/ipv4/ping.c), asked for through koffi: the kernel writes identifier and
 * checksum of requests, and hands in replies to this socket's own requests alone. dgram then reads and writes them.
 */
import { createSocket, type Socket } from 'node:dgram'
import { closeSync, readFileSync } from 'node:fs'
import { loadKoffi } from '#lib/koffi-os'
import { err, ok, type Result } from '#lib/result'
import type { EchoError } from './echo-message.ts'

export type IcmpSocket = {
  /** Bound; messages are ICMP from the type on. */
  readonly socket: Socket
  /** Takes out what came as errors. To be called on each error of the socket, else they keep the event loop busy. */
  takeErrors(): readonly EchoError[]
  /** Closes the socket; from then on there are no errors. */
  close(): void
}

/** For the gateway's log. */
export type IcmpRefusal = { readonly cause: string; readonly remedy: string }

// sys/socket.h, linux/in.h, linux/in6.h, linux/errqueue.h
const DATAGRAMS = 2 | 0o4000 | 0o2000000 // SOCK_DGRAM SOCK_NONBLOCK SOCK_CLOEXEC
const MSG_ERRQUEUE = 0x2000
const VERSIONS = {
  4: { type: 'udp4', family: 2, protocol: 1, level: 0, receiveErrors: 11 },
  6: { type: 'udp6', family: 10, protocol: 58, level: 41, receiveErrors: 25 },
} as const
const ORIGIN_ICMP = 2
const ORIGIN_ICMP6 = 3
/** Of a request it is enough to know its header. */
const ABOUT_OCTETS = 64
const CONTROL_OCTETS = 256
/** struct sock_extended_err behind struct cmsghdr. */
const EXTENDED = { origin: 4, type: 5, code: 6, info: 8, octets: 16 }
/** Errors taken in one turn. */
const TAKEN_LIMIT = 64

const EACCES = 13
const GROUP_RANGE = '/proc/sys/net/ipv4/ping_group_range'

let libc: Libc | undefined

export function openIcmpSocket(version: 4 | 6): Result<IcmpSocket, IcmpRefusal> {
  libc ??= bindLibc()
  if (libc === undefined) {
    return err({
      cause: 'the npm package koffi is not installed, or not made for this system',
      remedy: 'install the optional dependencies of zt',
    })
  }
  const { type, family, protocol, level, receiveErrors } = VERSIONS[version]
  const fd = libc.socket(family, DATAGRAMS, protocol)
  if (fd < 0) return err(socketRefusal(libc.errno()))
  if (libc.setsockopt(fd, level, receiveErrors, Int32Array.of(1), 4) < 0) {
    closeSync(fd)
    return err({ cause: `errors of ping: error ${libc.errno()}`, remedy: 'use a newer kernel' })
  }
  const socket = createSocket(type)
  socket.bind({ fd })
  const takeErrors = errorsOf(fd, libc)
  let isOpen = true
  return ok({
    socket,
    // The socket says that it is closed a turn after its descriptor may be somebody else's.
    takeErrors: () => (isOpen ? takeErrors() : []),
    close: () => {
      isOpen = false
      socket.close()
    },
  })
}

function socketRefusal(errno: number): IcmpRefusal {
  if (errno !== EACCES) {
    return { cause: `a socket of ICMP: error ${errno}`, remedy: 'use a kernel that has them' }
  }
  const range = readFileSync(GROUP_RANGE, 'latin1').trim().replace('\t', ' ')
  return {
    cause: `the kernel lets no group of the gateway ping: net.ipv4.ping_group_range is ${range}`,
    remedy:
      'sysctl -w net.ipv4.ping_group_range="0 2147483647", or a range with the group of the gateway',
  }
}

type MessageHeader = {
  readonly name: null
  readonly nameOctets: number
  readonly vectors: readonly { readonly base: Buffer; readonly octets: number }[]
  readonly vectorCount: number
  readonly control: Buffer
  readonly controlOctets: number
  readonly flags: number
}

type Libc = {
  readonly socket: (family: number, type: number, protocol: number) => number
  readonly setsockopt: (
    fd: number,
    level: number,
    name: number,
    value: Int32Array,
    octets: number,
  ) => number
  readonly recvmsg: (fd: number, header: MessageHeader, flags: number) => number | bigint
  readonly errno: () => number
  /** Where the payload of a control message begins. */
  readonly controlAt: number
}

function bindLibc(): Libc | undefined {
  const koffi = loadKoffi()
  if (koffi === undefined) return undefined
  const own = koffi.load(null)
  const vector = koffi.struct({ base: 'void *', octets: 'size_t' })
  const header = koffi.struct({
    ...{ name: 'void *', nameOctets: 'uint32_t' },
    ...{ vectors: koffi.pointer(vector), vectorCount: 'size_t' },
    ...{ control: 'void *', controlOctets: 'size_t', flags: 'int' },
  })
  const headerPointer = koffi.inout(koffi.pointer(header))
  return {
    socket: own.func('int socket(int family, int type, int protocol)'),
    setsockopt: own.func(
      'int setsockopt(int fd, int level, int name, const void *value, uint32_t octets)',
    ),
    recvmsg: own.func('recvmsg', 'int64_t', ['int', headerPointer, 'int']),
    errno: () => koffi.errno(),
    controlAt: koffi.sizeof('size_t') + 2 * koffi.sizeof('int'),
  }
}

function errorsOf(fd: number, { recvmsg, controlAt }: Libc) {
  const about = Buffer.alloc(ABOUT_OCTETS)
  const control = Buffer.alloc(CONTROL_OCTETS)
  const header: MessageHeader = {
    ...{ name: null, nameOctets: 0, flags: 0 },
    ...{ vectors: [{ base: about, octets: ABOUT_OCTETS }], vectorCount: 1 },
    ...{ control, controlOctets: CONTROL_OCTETS },
  }
  return (): readonly EchoError[] => {
    const errors: EchoError[] = []
    for (let count = 0; count < TAKEN_LIMIT; count++) {
      // A copy: the kernel writes into it how much it used.
      const octets = Number(recvmsg(fd, { ...header }, MSG_ERRQUEUE))
      if (octets < 0) break
      const extended = control.subarray(controlAt, controlAt + EXTENDED.octets)
      const origin = extended[EXTENDED.origin]
      if (origin !== ORIGIN_ICMP && origin !== ORIGIN_ICMP6) continue
      errors.push({
        type: extended.readUInt8(EXTENDED.type),
        code: extended.readUInt8(EXTENDED.code),
        mtu: extended.readUInt32LE(EXTENDED.info),
        about: Buffer.from(about.subarray(0, octets)),
      })
    }
    return errors
  }
}
