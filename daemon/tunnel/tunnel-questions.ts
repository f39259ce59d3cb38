/** Questions to the gateway, each with the one kind of message that answers it. */
import { err, ok, type Result } from '#lib/result'
import type { GatewayMessage } from '#lib/wire/control-message'
import type { Question } from './control-client.ts'
import type { AskError, TunnelClient } from './tunnel.ts'

type Questions = Pick<TunnelClient, 'explain' | 'applications' | 'reportPosture' | 'auditProof'>
type MessageOf<Type> = Extract<GatewayMessage, { readonly type: Type }>

const UNEXPECTED: AskError = { reason: 'unsupported' }

/** @param ask on the control stream. */
export function createQuestions(
  ask: (question: Question) => Promise<Result<GatewayMessage, AskError>>,
): Questions {
  async function answerTo<Type extends GatewayMessage['type']>(
    question: Question,
    type: Type,
  ): Promise<Result<MessageOf<Type>, AskError>> {
    const answer = await ask(question)
    if (!answer.ok) return answer
    return isOf(type, answer.value) ? ok(answer.value) : err(UNEXPECTED)
  }
  return {
    async explain(to) {
      const answer = await answerTo({ type: 'explain', ...to }, 'explanation')
      return answer.ok ? ok(answer.value.explanation) : answer
    },
    async applications() {
      const answer = await answerTo({ type: 'list_applications' }, 'applications')
      return answer.ok ? ok(answer.value.applications) : answer
    },
    async reportPosture(observations) {
      const answer = await answerTo({ type: 'posture', observations }, 'posture_results')
      return answer.ok ? ok(answer.value.results) : answer
    },
    async auditProof(from, to) {
      const answer = await answerTo({ type: 'audit_proof', from, to }, 'audit_proof')
      return answer.ok ? ok(answer.value.hashes) : answer
    },
  }
}

function isOf<Type extends GatewayMessage['type']>(
  type: Type,
  message: GatewayMessage,
): message is MessageOf<Type> {
  return message.type === type
}
