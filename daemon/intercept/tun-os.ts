/**
 * A TUN device of this process (Documentation/networking/tuntap.rst), asked for through koffi. It is gone when the
 * process is, with its addresses and routes.
 */
import { closeSync, writeSync } from 'node:fs'
import net, { type OnReadOpts, type SocketConstructorOpts } from 'node:net'
import { loadKoffi } from '#lib/koffi-os'
import { err, ok, type Result } from '#lib/result'

/** Packets are frames: a virtio header, then the IP packet; one of TCP may have 64 KiB. */
export interface TunDevice {
  /** As the kernel named it. */
  readonly name: string
  /** Takes what programs send, from now on. A frame may be changed, and is valid during the call only. */
  onFrame(listener: (frame: Buffer) => void): void
  /** Hands a frame to the kernel as if it had arrived; false when it was not taken. */
  write(frame: Uint8Array): boolean
  /** The device is gone once this returns. */
  close(): void
}

export type TunRefusal = {
  readonly reason: 'koffi_absent' | 'no_tun_device' | 'not_permitted' | 'busy'
  /** For a person. */
  readonly detail: string
}

export type TunOptions = {
  /** Where the kernel's device is; default `/dev/net/tun`. */
  readonly path?: string
}

const PATH = '/dev/net/tun'
// fcntl.h, linux/if_tun.h, sys/socket.h
const OPEN_FLAGS = 0o2 | 0o4000 | 0o2000000 // O_RDWR O_NONBLOCK O_CLOEXEC
const CLOSE_ON_EXEC = 0o2000000
const SET_INTERFACE = 0x400454ca
const SET_OFFLOAD = 0x400454d0
const INTERFACE_FLAGS = 0x0001 | 0x1000 | 0x4000 // IFF_TUN IFF_NO_PI IFF_VNET_HDR
const OFFLOADS = 1 | 2 | 4 // TUN_F_CSUM TSO4 TSO6: not USO, the kernel cuts what programs send in one go
const UNIX_STREAM_PAIR = { family: 1, type: 1 | CLOSE_ON_EXEC }
/** struct ifreq: a name of at most 15 octets, then a union. */
const REQUEST_OCTETS = 40
const NAME_OCTETS = 16
/** The longest packet with its virtio header, and some room. */
const FRAME_LIMIT = 66_000
/** Packets read in one turn of the event loop: other sockets have their turn, too. */
const DRAIN_LIMIT = 64

const EPERM = 1
const ENOENT = 2
const ENXIO = 6
const EACCES = 13
const EBUSY = 16
const ENODEV = 19
/** What the kernel's numbers mean for the one who asked. */
const REASONS: Readonly<Record<number, TunRefusal['reason']>> = {
  [EPERM]: 'not_permitted',
  [EACCES]: 'not_permitted',
  [EBUSY]: 'busy',
}

/**
 * Makes the device, without addresses, routes or link state: they are set by others.
 * @throws {RangeError} for a name longer than the kernel takes. {Error} without descriptors for the event loop.
 */
export function openTun(name: string, options: TunOptions = {}): Result<TunDevice, TunRefusal> {
  if (Buffer.byteLength(name) >= NAME_OCTETS) throw new RangeError(`interface name: ${name}`)
  const libc = bindLibc()
  if (libc === undefined) {
    return err({ reason: 'koffi_absent', detail: 'the package koffi is not installed' })
  }
  const { path = PATH } = options
  const fd = libc.open(path, OPEN_FLAGS)
  if (fd < 0) return err(openRefusal(path, libc.errno()))
  const request = Buffer.alloc(REQUEST_OCTETS)
  request.write(name)
  request.writeUInt16LE(INTERFACE_FLAGS, NAME_OCTETS)
  if (
    libc.ioctl(fd, SET_INTERFACE, request) < 0 ||
    libc.ioctlValue(fd, SET_OFFLOAD, OFFLOADS) < 0
  ) {
    const errno = libc.errno()
    closeSync(fd)
    const reason = REASONS[errno] ?? 'no_tun_device'
    return err({ reason, detail: `${path}: interface ${name}: error ${errno}` })
  }
  const given = request.toString('latin1', 0, request.indexOf(0))
  try {
    return ok(deviceOn(fd, given, libc))
  } catch (cause) {
    closeSync(fd)
    throw cause
  }
}

function openRefusal(path: string, errno: number): TunRefusal {
  const isAbsent = errno === ENOENT || errno === ENODEV || errno === ENXIO
  return {
    reason: isAbsent ? 'no_tun_device' : (REASONS[errno] ?? 'no_tun_device'),
    detail: `${path}: ${isAbsent ? 'not there (modprobe tun)' : `error ${errno}`}`,
  }
}

type Libc = {
  readonly open: (path: string, flags: number) => number
  readonly ioctl: (fd: number, request: number, data: Buffer) => number
  readonly ioctlValue: (fd: number, request: number, value: number) => number
  readonly socketpair: (family: number, type: number, protocol: number, fds: Int32Array) => number
  readonly dup3: (from: number, to: number, flags: number) => number
  readonly read: (fd: number, data: Buffer, length: number) => number | bigint
  readonly errno: () => number
}

function bindLibc(): Libc | undefined {
  const koffi = loadKoffi()
  if (koffi === undefined) return undefined
  const libc = koffi.load(null)
  return {
    open: libc.func('int open(const char *path, int flags)'),
    ioctl: libc.func('int ioctl(int fd, unsigned long request, _Inout_ uint8_t *data)'),
    ioctlValue: libc.func('int ioctl(int fd, unsigned long request, unsigned long value)'),
    socketpair: libc.func('int socketpair(int family, int type, int protocol, _Out_ int32_t *fds)'),
    dup3: libc.func('int dup3(int from, int to, int flags)'),
    read: libc.func('int64_t read(int fd, _Out_ uint8_t *data, size_t length)'),
    errno: () => koffi.errno(),
  }
}

function deviceOn(fd: number, name: string, libc: Libc): TunDevice {
  const buffer = Buffer.alloc(FRAME_LIMIT)
  const dropFrame = (): void => undefined
  let listener: (frame: Buffer) => void = dropFrame
  const onread: OnReadOpts = {
    buffer,
    callback: (octets) => {
      listener(buffer.subarray(0, octets))
      for (let count = 0; count < DRAIN_LIMIT && !socket.destroyed; count++) {
        const more = Number(libc.read(place, buffer, FRAME_LIMIT))
        if (more <= 0) break
        listener(buffer.subarray(0, more))
      }
      return true
    },
  }
  const { socket, place } = pollable(fd, onread, libc)
  // The link was deleted by somebody else: who owns the device learns it from its own looks at the machine.
  socket.on('error', () => socket.destroy())
  let isOpen = true
  return {
    name,
    onFrame: (take) => {
      listener = take
    },
    write: (frame) => isOpen && tryWrite(fd, frame),
    close: () => {
      if (!isOpen) return
      isOpen = false
      listener = dropFrame
      closeSync(fd)
      socket.destroy()
    },
  }
}

/**
 * Has the event loop watch a descriptor that Node refuses, since it is no socket: it takes the place of one end of a
 * socket pair, before that was ever polled.
 */
function pollable(fd: number, onread: OnReadOpts, libc: Libc) {
  const pair = new Int32Array(2)
  const { family, type } = UNIX_STREAM_PAIR
  const [place = -1, other = -1] = libc.socketpair(family, type, 0, pair) === 0 ? pair : []
  if (place < 0) throw new Error(`socketpair: error ${libc.errno()}`)
  const options: SocketConstructorOpts & { readonly onread: OnReadOpts } = { fd: place, onread }
  const socket = new net.Socket(options)
  const placed = libc.dup3(fd, place, CLOSE_ON_EXEC)
  const errno = libc.errno()
  closeSync(other)
  if (placed < 0) {
    socket.destroy()
    throw new Error(`dup3: error ${errno}`)
  }
  return { socket, place }
}

/** One write is one packet. The kernel says no when a link is down or its memory is: a network loses packets, too. */
function tryWrite(fd: number, frame: Uint8Array): boolean {
  try {
    return writeSync(fd, frame) === frame.length
  } catch {
    return false
  }
}
