/** SSH message numbers (RFC 4250 section 4.1.2, RFC 8308 section 2.3, OpenSSH PROTOCOL section 1.9). */
export const MESSAGE = {
  disconnect: 1,
  ignore: 2,
  unimplemented: 3,
  debug: 4,
  serviceRequest: 5,
  serviceAccept: 6,
  extInfo: 7,
  kexInit: 20,
  newKeys: 21,
  kexEcdhInit: 30,
  kexEcdhReply: 31,
  userAuthRequest: 50,
  userAuthFailure: 51,
  userAuthSuccess: 52,
  userAuthBanner: 53,
  userAuthPkOk: 60,
  globalRequest: 80,
  requestSuccess: 81,
  requestFailure: 82,
  channelOpen: 90,
  channelOpenConfirmation: 91,
  channelOpenFailure: 92,
  channelWindowAdjust: 93,
  channelData: 94,
  channelExtendedData: 95,
  channelEof: 96,
  channelClose: 97,
  channelRequest: 98,
  channelSuccess: 99,
  channelFailure: 100,
  ping: 192,
  pong: 193,
} as const

/** First message of the layers above the transport: held back while keys are exchanged (RFC 4253 section 7.1). */
export const FIRST_UPPER_MESSAGE = 50

/** SSH_DISCONNECT_* codes (RFC 4253 section 11.1). */
export const DISCONNECT = {
  protocolError: 2,
  keyExchangeFailed: 3,
  macError: 5,
  serviceNotAvailable: 7,
  versionNotSupported: 8,
  hostKeyNotVerifiable: 9,
  connectionLost: 10,
  byApplication: 11,
  tooManyConnections: 12,
  noMoreAuthMethods: 14,
} as const
