/**
 * The seam between the SSH transport (RFC 4253, ./transport.ts) and what lives on it: authentication and relay.
 * The transport owns no socket, no clock and no timer: bytes go in by `receive`, and come out by `onOutput`.
 *
 *   socket ──receive(chunk)──► transport ──onPacket(packet)──► relay ──forward(packet)──► other transport
 *   socket ◄──onOutput(bytes)── transport ◄──send(payload)──── relay
 */

/** One message from the peer, decrypted and verified. Every buffer in it is valid only during the call. */
export type ReceivedPacket = {
  /** First octet of the payload (RFC 4250 section 4.1.2). */
  readonly type: number
  /** The message, beginning with its type. */
  readonly payload: Buffer
  /** Padding length octet, payload and padding as received; only for `forward`. */
  readonly framed: Buffer
}

/** Why a transport ended. Stable codes, for the log; the peer sees only a short DISCONNECT text. */
export type TransportReason =
  | 'disconnected' // DISCONNECT from the peer; code and text are its own
  | 'closed_by_us' // `disconnect` was called
  | 'connection_lost' // `connectionLost` was called
  | 'bad_identification'
  | 'bad_packet_length'
  | 'bad_padding'
  | 'bad_mac'
  | 'malformed_message'
  | 'unexpected_message'
  | 'too_many_messages'
  | 'strict_kex_violation'
  | 'no_common_algorithm'
  | 'weak_without_strict_kex'
  | 'bad_key_exchange'
  | 'bad_host_signature'
  | 'host_key_refused'
  | 'host_key_changed'
  | 'sequence_exhausted'
  | 'rekey_unanswered'
  | 'output_overflow'

/** The end of a transport; told once. */
export type TransportClosed = {
  readonly reason: TransportReason
  /** SSH_DISCONNECT_* code (RFC 4253 section 11.1), if one was sent or received. */
  readonly code?: number
  /** Detail for the log: printable ASCII, at most 256 octets; the peer's words when reason is `disconnected`. */
  readonly detail?: string
}

/** What was agreed in the newest key exchange; `mac` is `<implicit>` with an AEAD cipher. */
export type Negotiated = {
  readonly kex: string
  readonly hostKey: string
  readonly cipherIn: string
  readonly cipherOut: string
  readonly macIn: string
  readonly macOut: string
  /** Both sides follow strict key exchange (kex-strict-*-v00@openssh.com). */
  readonly strict: boolean
}

/** One SSH connection, either role. No method throws on anything the peer sends. */
export interface SshTransport {
  /**
   * Takes bytes from the peer, in any split. The chunk now belongs to the transport: it is decrypted in place.
   * Calls `onPacket` for each message; after the end it does nothing.
   */
  receive(chunk: Buffer): void
  /** Sends one message, copied before the call returns. Queued during a key exchange when its type is 50 or more. */
  send(payload: Buffer): void
  /** Sends a packet that another transport received, keeping its padding where our cipher permits; copied. */
  forward(packet: ReceivedPacket): void
  /** Begins a new key exchange, unless one is under way. Due after an hour (RFC 4253 section 9); the owner has the clock. */
  rekey(): void
  /** Hands pending bytes to `onOutput` now. Otherwise this happens at the end of the current microtask. */
  flush(): void
  /** Sends DISCONNECT (`code` of RFC 4253 section 11.1, `text` printable), flushes and closes. */
  disconnect(code: number, text: string): void
  /** The socket ended or failed. Closes without a word. */
  connectionLost(): void
  /** Hash of the first key exchange; empty before it. */
  readonly sessionId: Buffer
  /** The peer's line `SSH-2.0-…` without line end; empty before it came. Printable ASCII, at most 253 octets. */
  readonly peerIdentification: string
  /** Undefined before the first key exchange. */
  readonly negotiated: Negotiated | undefined
  /** The host key blob that the peer proved (client role); undefined before the first exchange, and as a server. */
  readonly peerHostKey: Buffer | undefined
  /** Bytes produced and not yet reported written, the queue of a key exchange included. */
  readonly outputBufferedBytes: number
  /** True from 1 MiB of unwritten output until it fell below 256 KiB: stop reading what feeds this transport. */
  readonly backlogged: boolean
  /** Keys are being exchanged: messages wait here, and only what the peer sends next can release them. */
  readonly exchangingKeys: boolean
  readonly closed: boolean
}

/** What a transport tells its owner. Handlers must not throw. */
export type TransportEvents = {
  /** Bytes for the socket, in order. The buffer may be reused once `written` was called: `socket.write(bytes, written)`. */
  onOutput(bytes: Buffer, written: () => void): void
  /** A message of type 5, 6, or 50 and more (but PING and PONG), only after the first key exchange. */
  onPacket(packet: ReceivedPacket): void
  /** A key exchange was finished in both directions; `first` is false for a re-exchange. */
  onReady(first: boolean): void
  /** `backlogged` turned false again. */
  onDrain(): void
  /** The end; called once, after the last `onOutput`. The owner now ends the socket. */
  onClosed(closed: TransportClosed): void
}

/** A host key that the server role can prove. */
export type HostKey = {
  /** Name in the negotiation, for example `ssh-ed25519` or `ssh-ed25519-cert-v01@openssh.com`. */
  readonly algorithm: string
  /** Public key or certificate blob. */
  readonly blob: Buffer
  /** Signs the exchange hash; returns an SSH signature blob. */
  sign(data: Buffer): Buffer
}

/** Ordered names to offer, best first. */
export type AlgorithmLists = {
  readonly kex: readonly string[]
  readonly ciphers: readonly string[]
  readonly macs: readonly string[]
  /** Names of signatures that count, of hosts and of users; absent: all that we verify. */
  readonly signatures?: readonly string[]
}

/** Verdict on a host key in the client role; `reason` goes to the log as detail. */
export type HostKeyVerdict =
  | { readonly ok: true; readonly value: undefined }
  | { readonly ok: false; readonly error: { readonly reason: string } }

type CommonSettings = {
  readonly algorithms: AlgorithmLists
  /** Native AEAD of ssh2, from ./aead-binding-os.ts; without it ChaCha20 is not offered and AES-GCM costs about double. */
  readonly binding?: AeadBinding | undefined
  /** A re-exchange begins after this many bytes in both directions together; default 1 GiB (RFC 4253 section 9). */
  readonly rekeyAfterBytes?: number
}

/** How to build a transport. */
export type TransportSettings =
  | (CommonSettings & { readonly role: 'server'; readonly hostKeys: readonly HostKey[] })
  | (CommonSettings & {
      readonly role: 'client'
      readonly hostKeyAlgorithms: readonly string[]
      /** Called with the proved key before it is used; a changed key at a re-exchange is refused without asking. */
      readonly verifyHostKey: (blob: Buffer) => HostKeyVerdict
    })

/** The classes of ssh2's native binding that the transport uses; every method throws on a bad tag. */
export type AeadBinding = {
  readonly AESGCMCipher: new (name: string, key: Buffer, iv: Buffer) => NativeGcmCipher
  readonly AESGCMDecipher: new (name: string, key: Buffer, iv: Buffer) => NativeGcmDecipher
  readonly ChaChaPolyCipher: new (key: Buffer) => NativeChaChaCipher
  readonly ChaChaPolyDecipher: new (key: Buffer) => NativeChaChaDecipher
}
export type NativeGcmCipher = { encrypt(packet: Buffer): void; free(): void }
export type NativeGcmDecipher = {
  decrypt(data: Buffer, packetLength: number, tag: Buffer): void
  free(): void
}
export type NativeChaChaCipher = { encrypt(packet: Buffer, sequence: number): void; free(): void }
export type NativeChaChaDecipher = {
  decryptLen(length: Buffer, sequence: number): number
  decrypt(data: Buffer, tag: Buffer, sequence: number): void
  free(): void
}
