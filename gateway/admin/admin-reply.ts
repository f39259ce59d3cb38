/** Refusals that several routes of the admin API have in common. */
import type { FastifyReply } from 'fastify'
import { refuse } from '../web/refuse.ts'

export type ById = { Params: { id: string } }

/** 404: nothing has this id. */
export function notFound(reply: FastifyReply, what: string): Promise<void> {
  return refuse(reply, {
    status: 404,
    code: `no_such_${what}`,
    message: `There is no such ${what}.`,
  })
}

/** 400: the query is not understood. */
export function badQuery(reply: FastifyReply, code: string, key: string): Promise<void> {
  return refuse(reply, {
    status: 400,
    code,
    message: `The query key "${key}" is not one this call takes, or its value is wrong.`,
  })
}

/** 400: the body is not understood. */
export function badBody(reply: FastifyReply, message: string): Promise<void> {
  return refuse(reply, { status: 400, code: 'bad_body', message })
}
