/** `zt explain --dns`: what is answered to a question of the DNS; with `--admin`, for any user, and what decides on it. */
import { z } from 'zod'
import { type AnswerText, answerText } from '#lib/dns/answer-text'
import { writeName } from '#lib/dns/name'
import { writeQuery } from '#lib/dns/query'
import { parseTypeName, typeName } from '#lib/dns/type-names'
import { parseHostName } from '#lib/net/host'
import { err, ok, type Result } from '#lib/result'
import { readAnswer } from '../admin-answer.ts'
import { type CliFailure, type CliIo, EXIT, report } from '../cli-io.ts'
import { printable } from '../printable.ts'
import { traceStep, traceText } from '../render-trace.ts'

type Options = { readonly admin?: boolean; readonly json?: boolean }
/** Whom it is about, with `--admin`. */
type Whom = { readonly user?: string; readonly device?: string }
type Question = { readonly name: string; readonly type: number }

const record = z.looseObject({ type: z.string(), value: z.string().exactOptional() })
const full = z.looseObject({
  name: z.string(),
  type: z.string(),
  verdict: z.string(),
  reason: z.string(),
  sentence: z.string().exactOptional(),
  rule: z.string().exactOptional(),
  alias: z.string().exactOptional(),
  zone: z.string().exactOptional(),
  resolver: z.string().exactOptional(),
  answer: z.string().exactOptional(),
  records: z.array(record).exactOptional(),
  error: z.looseObject({ code: z.number(), text: z.string() }).exactOptional(),
  revision: z.number(),
  trace: z.array(traceStep),
})
type Full = z.infer<typeof full>

/** @returns the exit code: 0 where there is an answer, 4 where it is denied, not there or not known. */
export async function explainName(
  io: CliIo,
  name: string,
  type: string | undefined,
  options: Options & Whom,
): Promise<number> {
  const question = readQuestion(name, type)
  if (!question.ok) return report(io, question.error)
  return options.admin
    ? askAdmin(io, question.value, options)
    : askDaemon(io, question.value, options)
}

function readQuestion(nameText: string, typeText = 'A'): Result<Question, CliFailure> {
  const name = parseHostName(nameText)
  const type = parseTypeName(typeText)
  if (name.ok && type !== undefined) return ok({ name: name.value, type })
  const what = name.ok
    ? `${typeText} is no record type`
    : `${JSON.stringify(nameText)} is not a name`
  return err({ code: 'bad_question', message: `${what}.`, exitCode: EXIT.usage })
}

/** As a program of this machine would be answered, whether its questions are led to the daemon or not. */
async function askDaemon(io: CliIo, { name, type }: Question, { json }: Options): Promise<number> {
  const query = writeQuery({ name: writeName(name), type, dnssecOk: false, flags: 0 })
  const asked = Buffer.from(query).toString('base64url')
  const answer = await io.askDaemon({ method: 'resolve', query: asked, via: 'tcp' })
  if (!answer.ok) return report(io, answer.error)
  const { value } = answer
  const message = value.method === 'resolve' ? value.answer : undefined
  const told = message === undefined ? undefined : answerText(Buffer.from(message, 'base64url'))
  if (told === undefined) return report(io, NO_ANSWER)
  const explanation = { name, type: typeName(type), ...told }
  const lines = [`${name} ${typeName(type)} ${told.answer}`, ...answerLines(told)]
  io.print(json ? JSON.stringify(explanation) : lines.map(printable).join('\n'))
  return exitCodeOf(told.answer)
}

async function askAdmin(
  io: CliIo,
  { name, type }: Question,
  { user, device, json }: Options & Whom,
): Promise<number> {
  if (user === undefined) return report(io, WHICH_USER)
  const question = { user, name, type: typeName(type), ...(device !== undefined && { device }) }
  const answer = await io.admin.postJson('/api/v1/explain/dns', question)
  if (!answer.ok) return report(io, answer.error)
  const read = readAnswer(z.object({ explanation: full }), answer.value)
  if (!read.ok) return report(io, read.error)
  const { explanation } = read.value
  io.print(json ? JSON.stringify(explanation) : fullText(explanation))
  return exitCodeOf(explanation.answer)
}

function fullText(one: Full): string {
  const { name, type, verdict, reason, sentence, answer, records = [], error, revision } = one
  const about = (['rule', 'alias', 'zone', 'resolver'] as const).flatMap((key) =>
    one[key] === undefined ? [] : [`  ${key.padEnd(9)}${one[key]}`],
  )
  return [
    ...[`${name} ${type} ${verdict} ${reason}`, ...(sentence === undefined ? [] : [sentence])],
    ...about,
    `answer: ${answer ?? 'refused'}`,
    ...answerLines({ records, ...(error !== undefined && { error }) }),
    `decided by revision ${revision}:`,
  ]
    .map(printable)
    .concat(one.trace.map(traceText))
    .join('\n')
}

function answerLines({ records, error }: Pick<AnswerText, 'records' | 'error'>): string[] {
  const lines = records.map(({ type, value }) => `  ${type.padEnd(9)}${value ?? ''}`.trimEnd())
  return error === undefined ? lines : [...lines, `  error    ${error.code} ${error.text}`]
}

function exitCodeOf(answer: string | undefined): number {
  return answer === 'NOERROR' ? EXIT.ok : EXIT.denied
}

const WHICH_USER: CliFailure = {
  code: 'which_user',
  message: 'Name whom it is about with --user.',
  exitCode: EXIT.usage,
}
const NO_ANSWER: CliFailure = {
  code: 'no_answer',
  message: 'The daemon has no answer to that question.',
  exitCode: EXIT.notReachable,
}
